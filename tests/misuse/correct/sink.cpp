// SPDX-License-Identifier: BSL-1.0
// correct: sinks in another file
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void take(pinned page);
void take_over(pinned&& page);

void read(pool& pages) {
    auto first = gup::get_user_page(pages);
    auto second = gup::get_user_page(pages);
    take(std::move(first));
    take_over(std::move(second));
    take(gup::get_user_page(pages));
}
