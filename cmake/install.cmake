# SPDX-License-Identifier: BSL-1.0
# Installs the headers, a CMake package with one target file per component, and pkg-config files. All of it is
# independent of the architecture and may be moved after installation.

include(CMakePackageConfigHelpers)
set(gup_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/gup)
set(gup_pkg_config_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)
# A .pc file finds the rest of the package from where it lies itself.
file(RELATIVE_PATH gup_pkg_config_prefix /prefix/${gup_pkg_config_dir} /prefix)
string(REGEX REPLACE "/$" "" gup_pkg_config_prefix "${gup_pkg_config_prefix}")

install(TARGETS gup gup_enforce EXPORT gup FILE_SET HEADERS)
install(EXPORT gup FILE gupTargets.cmake NAMESPACE gup:: DESTINATION ${gup_package_dir})
configure_file(${CMAKE_CURRENT_LIST_DIR}/gup.pc.in ${PROJECT_BINARY_DIR}/gup.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gup.pc DESTINATION ${gup_pkg_config_dir})

get_property(gup_components GLOBAL PROPERTY gup_components)
get_property(gup_config_components GLOBAL PROPERTY gup_config_components)
foreach(component IN LISTS gup_components)
  if(TARGET gup_${component})
    install(TARGETS gup_${component} EXPORT gup-${component} FILE_SET HEADERS)
    install(EXPORT gup-${component} FILE gup-${component}Targets.cmake NAMESPACE gup:: DESTINATION ${gup_package_dir})
    get_property(gup_component_description GLOBAL PROPERTY gup_${component}_description)
    get_property(gup_component_requires GLOBAL PROPERTY gup_${component}_requires)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/gup-component.pc.in ${PROJECT_BINARY_DIR}/gup-${component}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/gup-${component}.pc DESTINATION ${gup_pkg_config_dir})
  endif()
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/gupConfig.cmake.in ${PROJECT_BINARY_DIR}/gupConfig.cmake
                              INSTALL_DESTINATION ${gup_package_dir}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gupConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/gupConfig.cmake ${PROJECT_BINARY_DIR}/gupConfigVersion.cmake
        DESTINATION ${gup_package_dir})
install(FILES ${CMAKE_CURRENT_LIST_DIR}/enforce.clang-tidy ${CMAKE_CURRENT_LIST_DIR}/raw-pins.clang-query
        DESTINATION ${CMAKE_INSTALL_DATADIR}/gup)
