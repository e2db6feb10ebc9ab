// SPDX-License-Identifier: BSL-1.0
// misuse: m24 second pin discarded
// expect-gcc-warning: the new pin must be put
// expect-clang-warning: a pinned page that is thrown away is put at once
#include "gup/user_page_ref.hpp"

void share(const gup::user_page_ref<struct domain>& page) { gup::ref_user_page(page); }
