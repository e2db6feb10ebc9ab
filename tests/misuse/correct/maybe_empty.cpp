// SPDX-License-Identifier: BSL-1.0
// correct: a reference that may be empty
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    pinned page;
    if (!finished()) page = gup::get_user_page(pages);
    if (page) gup::put_user_page(std::move(page), gup::clean);
}
