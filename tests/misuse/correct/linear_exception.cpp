// SPDX-License-Identifier: BSL-1.0
// correct: a linear reference and an exception
// expect-linear-clean
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    try {
        fill(page.bytes());
    } catch (...) {
        gup::put_user_page(std::move(page), gup::dirty);
        throw;
    }
    gup::put_user_page(std::move(page), gup::dirty);
}
