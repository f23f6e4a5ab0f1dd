# cmake -DBUILD=<build tree> -DROOT=<source tree> -DWORK=<scratch folder> -DCOMPILER=g++ -P install.cmake
# Installs Pipit to a prefix, then configures, builds and runs two projects that know nothing but the prefix: the
# consumer beside this file, and examples/.
cmake_minimum_required(VERSION 3.25)
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(failed)
    message(FATAL_ERROR "failed (${failed}): ${ARGN}\n${text}")
  endif()
endfunction()

set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# Nothing installed may remember the source tree, nor where this machine keeps a library.
file(GLOB_RECURSE packages ${prefix}/*.cmake)
foreach(package IN LISTS packages)
  file(STRINGS ${package} trace REGEX "${ROOT}/")
  if(trace)
    message(FATAL_ERROR "${package} points back into the source tree: ${trace}")
  endif()
  file(STRINGS ${package} trace REGEX "[;:\"]/[^;>\"]*[.](so|a)")
  if(trace)
    message(FATAL_ERROR "${package} names a library of this machine: ${trace}")
  endif()
endforeach()

foreach(project ${ROOT}/tests/install ${ROOT}/examples)
  get_filename_component(name ${project} NAME)
  step(${CMAKE_COMMAND} -S ${project} -B ${WORK}/${name} -G Ninja -DCMAKE_PREFIX_PATH=${prefix}
       -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=Release)
  step(${CMAKE_COMMAND} --build ${WORK}/${name})
  step(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/${name} --output-on-failure --no-tests=error)
endforeach()
