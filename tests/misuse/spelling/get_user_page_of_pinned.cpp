// SPDX-License-Identifier: BSL-1.0
// misuse: get user page of pinned
// expect-error: a second pin of the same page comes from ref_user_page
#include "gup/user_page_ref.hpp"

void share(const gup::user_page_ref<struct domain>& page) { gup::get_user_page(page); }
