// SPDX-License-Identifier: BSL-1.0
// misuse: get_user_page of a pointer to a pool
// expect-error: write get_user_page\(pool\)
#include "../program.hpp"

void read(pool& pages) { auto page = gup::get_user_page(&pages); }
