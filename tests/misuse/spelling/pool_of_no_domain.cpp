// SPDX-License-Identifier: BSL-1.0
// misuse: pool of no domain
// expect-error: constraint
#include "gup/page_pool.hpp"

gup::page_pool<int>* pool;
