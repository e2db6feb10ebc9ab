// SPDX-License-Identifier: BSL-1.0
// misuse: m12 get_page of a pinned reference
// expect-error: get_page is for ordinary references: a second pin comes from ref_user_page
#include "gup/user_page_ref.hpp"

void share(const gup::user_page_ref<struct domain>& page) { gup::get_page(page); }
