include_guard()

if(PIPIT_TESTS)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(PIPIT_BENCH)
  find_package(benchmark REQUIRED)
endif()

# pipit_room(<name> HEADERS .. [SOURCES ..] [DEPS ..] [PRIVATE_DEPS ..] [TESTS ..] [TEST_DEPS ..] [BENCHES ..])
#
# One room = one target pipit_<name> (alias pipit::<name>), its public headers, its tests and its benchmarks.
#   HEADERS       installed under include/pipit/<name>/ and compiled alone by all_verify_interface_header_sets
#   SOURCES       listed, never globbed; none makes the room header-only
#   DEPS          rooms and libraries that the public headers need;  PRIVATE_DEPS  what only the sources need
#   TESTS         each x builds x.cc into the program <name>_x, found by ctest as <name>.*;  TEST_DEPS  what only they need
#   BENCHES       each x builds x.cc into the program bench_<name>_x
function(pipit_room name)
  cmake_parse_arguments(R "" "" "HEADERS;SOURCES;DEPS;PRIVATE_DEPS;TESTS;TEST_DEPS;BENCHES" ${ARGN})
  if(R_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pipit_room(${name}): unknown ${R_UNPARSED_ARGUMENTS}")
  endif()
  if(R_SOURCES)
    add_library(pipit_${name} STATIC)
    set(visibility PUBLIC)
    target_sources(pipit_${name} PRIVATE ${R_SOURCES})
    target_link_libraries(pipit_${name} PRIVATE $<BUILD_INTERFACE:pipit_flags> ${R_PRIVATE_DEPS})
    set_target_properties(pipit_${name} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  else()
    add_library(pipit_${name} INTERFACE)
    set(visibility INTERFACE)
  endif()
  add_library(pipit::${name} ALIAS pipit_${name})
  target_sources(pipit_${name} ${visibility} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${R_HEADERS})
  target_compile_features(pipit_${name} ${visibility} cxx_std_20)
  target_link_libraries(pipit_${name} ${visibility} ${R_DEPS})
  set_target_properties(pipit_${name} PROPERTIES EXPORT_NAME ${name} VERIFY_INTERFACE_HEADER_SETS ON)
  install(TARGETS pipit_${name} EXPORT pipit-targets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pipit)
  set_property(GLOBAL APPEND PROPERTY PIPIT_ROOMS ${name})
  if(R_SOURCES)
    set_property(GLOBAL APPEND PROPERTY PIPIT_LIBRARIES ${name})
  endif()

  if(PIPIT_SANITIZE MATCHES "thread" AND NOT name IN_LIST rooms_with_threads)
    set_target_properties(pipit_${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    set(R_TESTS "")
  endif()
  if(PIPIT_TESTS)
    foreach(test IN LISTS R_TESTS)
      pipit_test(${name}_${test} PREFIX ${name} SOURCES ${test}.cc DEPS pipit::${name} ${R_PRIVATE_DEPS} ${R_TEST_DEPS})
    endforeach()
  endif()
  if(PIPIT_BENCH)
    foreach(bench IN LISTS R_BENCHES)
      add_executable(bench_${name}_${bench} ${bench}.cc)
      target_link_libraries(bench_${name}_${bench} PRIVATE pipit::${name} pipit_flags benchmark::benchmark_main)
    endforeach()
  endif()
endfunction()

# pipit_test(<target> PREFIX <p> SOURCES .. DEPS .. [FILTER ..]): a GoogleTest program whose cases ctest lists as <p>.*
# FILTER leaves out cases that a script/long check runs.
# The data folder is found as the programs find it: $PIPIT_DATA, then ../shared/data.
function(pipit_test target)
  cmake_parse_arguments(T "" "PREFIX;TIMEOUT;FILTER" "SOURCES;DEPS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  add_executable(${target} ${T_SOURCES})
  target_link_libraries(${target} PRIVATE ${T_DEPS} pipit_flags GTest::gmock_main)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})  # for "tests/..." helpers
  target_compile_definitions(${target} PRIVATE PIPIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(NOT T_FILTER)
    set(T_FILTER "*")
  endif()
  gtest_discover_tests(${target} TEST_PREFIX ${T_PREFIX}. TEST_FILTER ${T_FILTER} DISCOVERY_TIMEOUT 60
                       NO_PRETTY_VALUES PROPERTIES LABELS ${T_PREFIX} TIMEOUT ${T_TIMEOUT})
endfunction()
