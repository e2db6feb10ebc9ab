// SPDX-License-Identifier: BSL-1.0
// misuse: a pool discarded
// expect-warning: dropping a pool closes it at once
#include "../program.hpp"

void make(domain& ring, gup::pin_failure& failure) { pool::try_make(ring, {.pages = 1}, failure); }
