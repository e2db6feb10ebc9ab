// SPDX-License-Identifier: BSL-1.0
// misuse: discarded find
// expect-gcc-warning: the reference must be put
// expect-clang-warning: a page in a maybe that is thrown away is put at once
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void waste(gup::page_pool<gup::mlock_domain>& pool, void* at) { gup::find_get_page(pool, at); }
