// SPDX-License-Identifier: BSL-1.0
// correct: a switch
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    switch (page.size()) {
    case 4096:
        use(page.bytes());
        break;
    case 8192:
        gup::put_user_page(std::move(page), gup::clean);
        return;
    default:
        break;
    }
    gup::put_user_page(std::move(page), gup::dirty);
}
