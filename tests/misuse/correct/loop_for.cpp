// SPDX-License-Identifier: BSL-1.0
// correct: a reference lives across for
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    for (int i = 0; i < 10; ++i) use(page.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
