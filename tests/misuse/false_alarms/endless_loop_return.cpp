// SPDX-License-Identifier: BSL-1.0
// correct: an endless loop left by return
// expect-clean
// expect-consumed-clang19-warning: state of variable 'page' must match at the entry and exit of loop
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    while (true) {
        use(page.bytes());
        if (finished()) {
            gup::put_user_page(std::move(page), gup::dirty);
            return;
        }
    }
}
