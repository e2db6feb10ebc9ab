# SPDX-License-Identifier: BSL-1.0
# gup_add_component(NAME PACKAGE MODULE VERSION DEBIAN DESCRIPTION TEXT HEADERS FILE...): a part of gup that needs a
# library of its own. It becomes the target gup::NAME, the package's component NAME and gup-NAME.pc, if pkg-config finds
# MODULE of that version or later; DEBIAN is the package to install. Nothing else names a component.

find_package(PkgConfig QUIET)

# Every header is named once, by the target whose user includes it: one that is not would not be installed.
function(gup_add_headers target)
  list(TRANSFORM ARGN PREPEND include/gup/ OUTPUT_VARIABLE headers)
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  set_property(GLOBAL APPEND PROPERTY gup_named_headers ${headers})
endfunction()

function(gup_add_component name)
  cmake_parse_arguments(PARSE_ARGV 1 needs "" "PACKAGE;VERSION;DEBIAN;DESCRIPTION" "HEADERS")
  set(in_words "${needs_PACKAGE} >= ${needs_VERSION}, found through pkg-config (Debian: ${needs_DEBIAN} pkg-config)")
  set_property(GLOBAL APPEND PROPERTY gup_components ${name})
  set_property(GLOBAL PROPERTY gup_${name}_description "${needs_DESCRIPTION}")
  set_property(GLOBAL PROPERTY gup_${name}_requires "${needs_PACKAGE} >= ${needs_VERSION}")
  # What gupConfig.cmake does about it
  set_property(GLOBAL APPEND_STRING PROPERTY gup_config_components
               "gup_find_component(${name} ${needs_PACKAGE} ${needs_VERSION} \"${in_words}\")\n")

  if(PkgConfig_FOUND)
    pkg_check_modules(${needs_PACKAGE} QUIET IMPORTED_TARGET GLOBAL "${needs_PACKAGE}>=${needs_VERSION}")
  endif()
  if(TARGET PkgConfig::${needs_PACKAGE})
    add_library(gup_${name} INTERFACE)
    add_library(gup::${name} ALIAS gup_${name})
    set_target_properties(gup_${name} PROPERTIES EXPORT_NAME ${name})
    target_link_libraries(gup_${name} INTERFACE gup PkgConfig::${needs_PACKAGE})
    gup_add_headers(gup_${name} ${needs_HEADERS})
  elseif(GUP_BUILD_TESTS OR GUP_BUILD_EXAMPLES OR GUP_BUILD_BENCH)
    message(FATAL_ERROR "gup: the tests, examples and benchmarks need ${in_words}; "
                        "or set GUP_BUILD_TESTS, GUP_BUILD_EXAMPLES and GUP_BUILD_BENCH to OFF")
  else()
    message(STATUS "gup: no gup::${name}, which needs ${in_words}")
  endif()
endfunction()
