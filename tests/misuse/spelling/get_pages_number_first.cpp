// SPDX-License-Identifier: BSL-1.0
// misuse: get_user_pages with the number first
// expect-error: write get_user_pages\(pool, n\)
#include "../program.hpp"

void read(pool& pages) { auto got = gup::get_user_pages(3, pages); }
