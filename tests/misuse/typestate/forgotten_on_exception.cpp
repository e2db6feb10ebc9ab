// SPDX-License-Identifier: BSL-1.0
// misuse: m10 leak on an exception
// expect-clean
// expect-consumed-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    fill(page.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
