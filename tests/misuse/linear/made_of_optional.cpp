// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference made of an optional
// expect-error: a linear reference is made of one that is pinned and moved
#include "../program.hpp"

void read(pool& pages) { gup::linear page{gup::try_get_user_page(pages)}; }
