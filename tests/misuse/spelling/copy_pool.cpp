// SPDX-License-Identifier: BSL-1.0
// misuse: copy pool
// expect-gcc-error: a pool is not copied: pass it by reference
// expect-clang14-error: (call to deleted constructor|selected deleted operator)
// expect-clang19-error: a pool is not copied: pass it by reference
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

void twice(const gup::page_pool<gup::mlock_domain>& pool) { gup::page_pool<gup::mlock_domain> copy = pool; }
