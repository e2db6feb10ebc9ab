// SPDX-License-Identifier: BSL-1.0
// misuse: get_user_page of a const pool
// expect-error: a const pool gives no page
#include "../program.hpp"

void read(const pool& pages) { auto page = gup::get_user_page(pages); }
