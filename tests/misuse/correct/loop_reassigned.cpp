// SPDX-License-Identifier: BSL-1.0
// correct: one variable for the pages of a loop
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    pinned page;
    for (int i = 0; i < 10; ++i) {
        page = gup::get_user_page(pages);
        use(page.bytes());
        gup::put_user_page(std::move(page), gup::clean);
    }
}
