// SPDX-License-Identifier: BSL-1.0
// correct: a reference lives across nested loops with continue
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    for (int i = 0; i < 10; ++i)
        for (int j = 0; j < 10; ++j) {
            if (finished()) continue;
            use(page.bytes());
        }
    gup::put_user_page(std::move(page), gup::dirty);
}
