# SPDX-License-Identifier: BSL-1.0
# What only gup's own build has: warnings for all that uses the headers here and in them, the targets
# all_verify_interface_header_sets and *_verify_interface_header_sets, which compile every header by itself, and a look
# for headers that no target names.

add_library(gup-warnings INTERFACE)
target_compile_options(gup-warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
target_compile_definitions(gup-warnings INTERFACE GUP_WARN_IN_HEADERS)

get_property(gup_components GLOBAL PROPERTY gup_components)
list(TRANSFORM gup_components PREPEND gup_ OUTPUT_VARIABLE libraries)
foreach(library IN ITEMS gup ${libraries})
  if(TARGET ${library})
    target_link_libraries(${library} INTERFACE $<BUILD_INTERFACE:gup-warnings>)
    set_target_properties(${library} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
endforeach()

file(GLOB_RECURSE gup_forgotten_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} include/gup/*.hpp)
get_property(gup_named_headers GLOBAL PROPERTY gup_named_headers)
list(REMOVE_ITEM gup_forgotten_headers ${gup_named_headers})
if(gup_forgotten_headers)
  message(FATAL_ERROR "CMakeLists.txt names no target for these headers: ${gup_forgotten_headers}")
endif()
