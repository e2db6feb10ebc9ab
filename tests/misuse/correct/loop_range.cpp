// SPDX-License-Identifier: BSL-1.0
// correct: a reference lives across a range-for
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    for (const std::size_t at : {0, 512}) use(page.bytes().subspan(at));
    gup::put_user_page(std::move(page), gup::dirty);
}
