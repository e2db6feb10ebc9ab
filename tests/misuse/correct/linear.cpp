// SPDX-License-Identifier: BSL-1.0
// correct: a linear reference
// expect-linear-clean
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    use(page.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
