// SPDX-License-Identifier: BSL-1.0
// correct: a put on each branch
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    if (finished())
        gup::put_user_page(std::move(page), gup::dirty);
    else
        gup::put_user_page(std::move(page), gup::clean);
}
