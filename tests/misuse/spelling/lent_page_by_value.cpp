// SPDX-License-Identifier: BSL-1.0
// misuse: a lent page taken by value
// expect-error: with_user_page\(pool, \[\]\(const auto& page\)
#include "../program.hpp"

void read(pool& pages) {
    gup::with_user_page(pages, [](pinned) { return gup::clean; });
}
