// SPDX-License-Identifier: BSL-1.0
// misuse: m10 leak on an exception
// expect-linear-error: may end without a put here
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    fill(page.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
