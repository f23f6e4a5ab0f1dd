include(CMakePackageConfigHelpers)
set(where ${CMAKE_INSTALL_LIBDIR}/cmake/pipit)
install(EXPORT pipit-targets NAMESPACE pipit:: DESTINATION ${where})
configure_package_config_file(cmake/pipit-config.cmake.in ${PROJECT_BINARY_DIR}/pipit-config.cmake INSTALL_DESTINATION ${where})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pipit-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pipit-config.cmake ${PROJECT_BINARY_DIR}/pipit-config-version.cmake
              cmake/FindMETIS.cmake DESTINATION ${where})
