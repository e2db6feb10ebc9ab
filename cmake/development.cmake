# SPDX-License-Identifier: BSL-1.0
# What only gup's own build has: warnings for all that uses the headers here, and the targets
# all_verify_interface_header_sets and *_verify_interface_header_sets, which compile every header by itself.

add_library(gup-warnings INTERFACE)
target_compile_options(gup-warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)

foreach(library IN ITEMS gup gup_io_uring)
  if(TARGET ${library})
    target_link_libraries(${library} INTERFACE $<BUILD_INTERFACE:gup-warnings>)
    set_target_properties(${library} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
endforeach()
