// SPDX-License-Identifier: BSL-1.0
// misuse: try_get_user_pages with a number
// expect-error: which it does not make
#include "../program.hpp"

void read(pool& pages) { auto got = gup::try_get_user_pages(pages, 3); }
