// SPDX-License-Identifier: BSL-1.0
// misuse: forged page
// expect-gcc-error: is private
// expect-clang-error: private constructor
#include "gup/user_page_ref.hpp"

gup::page made;
