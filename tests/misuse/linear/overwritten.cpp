// SPDX-License-Identifier: BSL-1.0
// misuse: m25 a live reference overwritten
// expect-linear-error: a linear reference is not assigned
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    page = gup::linear{gup::get_user_page(pages)};
    gup::put_user_page(std::move(page), gup::dirty);
}
