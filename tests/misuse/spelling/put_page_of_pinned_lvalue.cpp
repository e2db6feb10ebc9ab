// SPDX-License-Identifier: BSL-1.0
// misuse: put page of pinned lvalue
// expect-error: put_page is for ordinary references: a pinned page came from get_user_page and goes with
// put_user_page
#include "gup/user_page_ref.hpp"

void finish(gup::user_page_ref<struct domain>& page) { gup::put_page(page); }
