// SPDX-License-Identifier: BSL-1.0
// misuse: discarded get pages
// expect-warning: the pages must be put
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void waste(gup::page_pool<gup::mlock_domain>& pool) { gup::get_user_pages(pool, 2); }
