// SPDX-License-Identifier: BSL-1.0
// correct: a linear reference and an early return
// expect-linear-clean
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    if (finished()) {
        gup::put_user_page(std::move(page), gup::clean);
        return;
    }
    gup::put_user_page(std::move(page), gup::dirty);
}
