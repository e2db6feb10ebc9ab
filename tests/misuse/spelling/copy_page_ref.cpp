// SPDX-License-Identifier: BSL-1.0
// misuse: copy page ref
// expect-gcc-error: an ordinary reference is not copied: a second one is explicit
// expect-clang14-error: (call to deleted constructor|selected deleted operator)
// expect-clang19-error: an ordinary reference is not copied: a second one is explicit
#include "gup/page_ref.hpp"

void twice(const gup::page_ref<struct domain>& page) { gup::page_ref<struct domain> copy = page; }
