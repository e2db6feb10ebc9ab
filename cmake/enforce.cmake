# SPDX-License-Identifier: BSL-1.0
# gup::enforce: a target that links it makes errors of what its compiler can find of misused references.
#
# By hand: -Werror=unused-result for g++; for clang also -Werror=dangling -Werror=return-stack-address, and from clang 19
# on -Wconsumed -Wno-error=consumed. That one stays a warning: it is wrong about some correct programs, see
# gup/annotations.hpp.

set(gup_clang "$<COMPILE_LANG_AND_ID:CXX,Clang>")
set(gup_clang_19 "$<AND:${gup_clang},$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,19>>")

add_library(gup_enforce INTERFACE)
add_library(gup::enforce ALIAS gup_enforce)
set_target_properties(gup_enforce PROPERTIES EXPORT_NAME enforce)
target_compile_options(gup_enforce INTERFACE
                       "$<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang>:-Werror=unused-result>"
                       "$<${gup_clang}:-Werror=dangling;-Werror=return-stack-address>"
                       "$<${gup_clang_19}:-Wconsumed;-Wno-error=consumed>")
