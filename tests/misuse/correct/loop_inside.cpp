// SPDX-License-Identifier: BSL-1.0
// correct: a reference for each turn of a loop
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    for (;;) {
        auto page = gup::get_user_page(pages);
        use(page.bytes());
        gup::put_user_page(std::move(page), gup::clean);
        if (finished()) break;
    }
}
