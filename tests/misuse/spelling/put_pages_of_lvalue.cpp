// SPDX-License-Identifier: BSL-1.0
// misuse: put pages of lvalue
// expect-error: put_user_pages takes the references over
#include "gup/page_pool.hpp"

void finish(std::vector<gup::user_page_ref<struct domain>>& pages) { gup::put_user_pages(pages, gup::clean); }
