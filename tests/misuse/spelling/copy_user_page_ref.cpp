// SPDX-License-Identifier: BSL-1.0
// misuse: m11 copy
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted constructor
#include "gup/user_page_ref.hpp"

void twice(const gup::user_page_ref<struct domain>& page) { gup::user_page_ref<struct domain> copy = page; }
