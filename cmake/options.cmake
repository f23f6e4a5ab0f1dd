include_guard()
include(GNUInstallDirs)

option(PIPIT_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(PIPIT_APPS "Build the program pipit" ${PROJECT_IS_TOP_LEVEL})
option(PIPIT_TRAIN "Build what needs libtorch in train/" OFF)
option(PIPIT_BENCH "Build the benchmarks" OFF)
option(PIPIT_FUZZ "Build the fuzzers (clang only)" OFF)
set(PIPIT_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# Warnings and sanitizers. Linked privately and only in the build tree, so that consumers never inherit them.
add_library(pipit_flags INTERFACE)
target_compile_features(pipit_flags INTERFACE cxx_std_20)
target_compile_options(pipit_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-psabi)
# Multiplication and addition are fused only where the source says so (MulAdd): the same bits on every instruction set.
target_compile_options(pipit_flags INTERFACE -ffp-contract=off)
# Instruction sets of Highway left out: scalable vectors, since arrays of vectors do not exist there (Arm runs NEON); and
# under sanitizers and the fuzzer all but the first and the newest of x86, since kernels take most of those builds' time
# (tests of the release build run every set).
set(hwy_disabled "HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128")
if(PIPIT_SANITIZE)
  string(APPEND hwy_disabled "|HWY_SSSE3|HWY_SSE4|HWY_AVX2")
endif()
target_compile_definitions(pipit_flags INTERFACE "HWY_DISABLED_TARGETS=(${hwy_disabled})")
# Libraries that nothing is used of stay out: SentencePiece and OpenFst give one name (FLAGS_help) to two things, and a
# program with both dies at its end.
target_link_options(pipit_flags INTERFACE -Wl,--as-needed)
if(PIPIT_SANITIZE)
  target_compile_options(pipit_flags INTERFACE -fsanitize=${PIPIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
                         -O1 -g1)  # half the compile time of -O2 -g, and reports still name lines
  if(PIPIT_SANITIZE MATCHES "thread")  # g++ 12.2 dies in this pass (esra) on kernels of bits
    target_compile_options(pipit_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fno-tree-sra>)
  endif()
  if(PIPIT_SANITIZE MATCHES "address")
    # Eigen's and our own debug checks too. Who reads at null is caught by the address sanitizer: asking before every
    # access makes Eigen's templates take twice as long to compile.
    target_compile_options(pipit_flags INTERFACE -UNDEBUG -fno-sanitize=null)
  endif()
  target_link_options(pipit_flags INTERFACE -fsanitize=${PIPIT_SANITIZE})
endif()

# Rooms in which threads meet, or whose tests make them meet: the others have nothing to tell the thread sanitizer, and
# their tests are not built for it. tests/arch (rooms_with_threads) finds a room that is missing here.
set(rooms_with_threads audio base bundle factor graph nn poses reproject solve sparse window)
