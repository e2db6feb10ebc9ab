// SPDX-License-Identifier: BSL-1.0
// misuse: copy pool
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted constructor
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void twice(const gup::page_pool<gup::mlock_domain>& pool) { gup::page_pool<gup::mlock_domain> copy = pool; }
