// SPDX-License-Identifier: BSL-1.0
// misuse: m02 result discarded
// expect-gcc-warning: the page must be put
// expect-clang-warning: a pinned page that is thrown away is put at once
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void waste(gup::page_pool<gup::mlock_domain>& pool) { gup::get_user_page(pool); }
