// SPDX-License-Identifier: BSL-1.0
// misuse: discarded pin of plain
// expect-gcc-warning: the new pin must be put
// expect-clang-warning: a pinned page that is thrown away is put at once
#include "gup/user_page_ref.hpp"

void share(const gup::page_ref<struct domain>& page) { gup::get_user_page(page); }
