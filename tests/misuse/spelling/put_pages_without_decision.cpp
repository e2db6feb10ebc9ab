// SPDX-License-Identifier: BSL-1.0
// misuse: put pages without decision
// expect-error: a put of writable pages must say whether they were written
#include "gup/page_pool.hpp"

void finish(std::span<gup::user_page_ref<struct domain>> pages) { gup::put_user_pages(pages); }
