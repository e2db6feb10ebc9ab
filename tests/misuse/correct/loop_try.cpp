// SPDX-License-Identifier: BSL-1.0
// correct: a reference lives across a loop that tries again
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    for (int i = 0; i < 3; ++i) {
        try {
            fill(page.bytes());
            break;
        } catch (const std::exception&) {
        }
    }
    gup::put_user_page(std::move(page), gup::dirty);
}
