// SPDX-License-Identifier: BSL-1.0
// misuse: copy page ref
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted constructor
#include "gup/page_ref.hpp"

void twice(const gup::page_ref<struct domain>& page) { gup::page_ref<struct domain> copy = page; }
