// SPDX-License-Identifier: BSL-1.0
// correct: a swap
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto first = gup::get_user_page(pages);
    auto second = gup::get_user_page(pages);
    using std::swap;
    swap(first, second);
    gup::put_user_page(std::move(first), gup::clean);
    gup::put_user_page(std::move(second), gup::clean);
}
