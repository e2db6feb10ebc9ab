// SPDX-License-Identifier: BSL-1.0
// misuse: try_get_user_page of a pointer to a pool
// expect-error: write try_get_user_page\(pool\)
#include "../program.hpp"

void read(pool& pages) { auto page = gup::try_get_user_page(&pages); }
