// SPDX-License-Identifier: BSL-1.0
// misuse: m25 a live reference overwritten
// expect-clean
// expect-consumed-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    page = gup::get_user_page(pages);
    gup::put_user_page(std::move(page), gup::dirty);
}
