// SPDX-License-Identifier: BSL-1.0
// correct: a linear reference across loops
// expect-linear-clean
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    for (int i = 0; i < 10; ++i) use(page.bytes());
    while (!finished()) use(page.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
