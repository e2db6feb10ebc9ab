// SPDX-License-Identifier: BSL-1.0
// misuse: discarded try get page
// expect-warning: the page must be put
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void waste(gup::page_pool<gup::mlock_domain>& pool) { gup::try_get_page(pool); }
