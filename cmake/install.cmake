# SPDX-License-Identifier: BSL-1.0
# Installs the headers, a CMake package with one target file per component, and pkg-config files. All of it is
# independent of the architecture and may be moved after installation.

include(CMakePackageConfigHelpers)
set(gup_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/gup)
set(gup_pkg_config_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(TARGETS gup gup_enforce EXPORT gup FILE_SET HEADERS)
install(EXPORT gup FILE gupTargets.cmake NAMESPACE gup:: DESTINATION ${gup_package_dir})
set(gup_pkg_config_files gup)
if(TARGET gup_io_uring)
  install(TARGETS gup_io_uring EXPORT gup-io_uring FILE_SET HEADERS)
  install(EXPORT gup-io_uring FILE gup-io_uringTargets.cmake NAMESPACE gup:: DESTINATION ${gup_package_dir})
  list(APPEND gup_pkg_config_files gup-io_uring)
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/gupConfig.cmake.in ${PROJECT_BINARY_DIR}/gupConfig.cmake
                              INSTALL_DESTINATION ${gup_package_dir}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gupConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/gupConfig.cmake ${PROJECT_BINARY_DIR}/gupConfigVersion.cmake
        DESTINATION ${gup_package_dir})
install(FILES ${CMAKE_CURRENT_LIST_DIR}/enforce.clang-tidy ${CMAKE_CURRENT_LIST_DIR}/raw-pins.clang-query
        DESTINATION ${CMAKE_INSTALL_DATADIR}/gup)

# A .pc file finds the rest of the package from where it lies itself.
file(RELATIVE_PATH gup_pkg_config_prefix /prefix/${gup_pkg_config_dir} /prefix)
string(REGEX REPLACE "/$" "" gup_pkg_config_prefix "${gup_pkg_config_prefix}")
foreach(name IN LISTS gup_pkg_config_files)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${gup_pkg_config_dir})
endforeach()
