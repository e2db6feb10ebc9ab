// SPDX-License-Identifier: BSL-1.0
// misuse: put user page of plain
// expect-error: put_user_page is for pinned references: a page_ref came from get_page and goes with put_page
#include "gup/page_ref.hpp"

void finish(gup::page_ref<struct domain> page) { gup::put_user_page(std::move(page)); }
