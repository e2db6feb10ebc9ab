// SPDX-License-Identifier: BSL-1.0
// correct: an early return
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    if (finished()) {
        gup::put_user_page(std::move(page), gup::clean);
        return;
    }
    use(page.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
