// SPDX-License-Identifier: BSL-1.0
// misuse: discarded find
// expect-warning: the reference must be put
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void waste(gup::page_pool<gup::mlock_domain>& pool, void* at) { gup::find_get_page(pool, at); }
