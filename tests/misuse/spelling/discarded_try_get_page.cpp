// SPDX-License-Identifier: BSL-1.0
// misuse: discarded try get page
// expect-gcc-warning: the page must be put
// expect-clang-warning: a page in a maybe that is thrown away is put at once
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void waste(gup::page_pool<gup::mlock_domain>& pool) { gup::try_get_page(pool); }
