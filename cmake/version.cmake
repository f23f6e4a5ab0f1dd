# cmake -DROOT=<source tree> -DTO=<version.cc> -DPROJECT_VERSION=.. -DCOMPILER=.. -DBUILD_TYPE=.. -P version.cmake
# Writes which Pipit this is, as every build step finds it. The file is touched only when that has changed.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND bash ${ROOT}/script/commit OUTPUT_VARIABLE PIPIT_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT PIPIT_COMMIT)
  set(PIPIT_COMMIT unknown)
endif()
configure_file(${ROOT}/src/base/version.cc.in ${TO} @ONLY)
