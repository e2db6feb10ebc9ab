// SPDX-License-Identifier: BSL-1.0
// misuse: m23 a second pin that is not put
// expect-linear-error: may end without a put here
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    auto again = gup::ref_user_page(page);
    use(again.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
