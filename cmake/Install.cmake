# cmake --install: the binary, the libraries, their headers and the configs, in a
# folder that can be moved; find_package(skipzoo) finds them there.

include(GNUInstallDirs)

# LibTorch stays where it is: skipzoo::torch holds its folder as a run path.
install(TARGETS skipzoo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS skipzoo_models skipzoo_tools
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models ${PROJECT_SOURCE_DIR}/tools
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/skipzoo
  FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs
  DESTINATION ${CMAKE_INSTALL_DATADIR}/skipzoo)

set(skipzoo_package ${CMAKE_INSTALL_LIBDIR}/cmake/skipzoo)
include(CMakePackageConfigHelpers)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/skipzooConfig.cmake.in
  ${PROJECT_BINARY_DIR}/skipzooConfig.cmake
  INSTALL_DESTINATION ${skipzoo_package}
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/skipzooConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/skipzooConfig.cmake
  ${PROJECT_BINARY_DIR}/skipzooConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/LibTorch.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Cuda.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Dependencies.cmake
  ${PROJECT_SOURCE_DIR}/cmake/WebP.cmake
  DESTINATION ${skipzoo_package})
