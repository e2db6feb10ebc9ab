// SPDX-License-Identifier: BSL-1.0
// correct: an exception that is passed on
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    try {
        fill(page.bytes());
    } catch (...) {
        gup::put_user_page(std::move(page), gup::dirty);
        throw;
    }
    gup::put_user_page(std::move(page), gup::dirty);
}
