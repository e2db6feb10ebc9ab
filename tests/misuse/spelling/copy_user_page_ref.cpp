// SPDX-License-Identifier: BSL-1.0
// misuse: m11 copy
// expect-gcc-error: a pinned reference is not copied: a second pin is explicit
// expect-clang14-error: (call to deleted constructor|selected deleted operator)
// expect-clang19-error: a pinned reference is not copied: a second pin is explicit
#include "gup/user_page_ref.hpp"

void twice(const gup::user_page_ref<struct domain>& page) { gup::user_page_ref<struct domain> copy = page; }
