// SPDX-License-Identifier: BSL-1.0
// misuse: discarded plain ref
// expect-gcc-warning: the new reference must be put
// expect-clang-warning: a page_ref that is thrown away is put at once
#include "gup/page_ref.hpp"

void share(const gup::page_ref<struct domain>& page) { gup::get_page(page); }
