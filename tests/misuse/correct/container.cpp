// SPDX-License-Identifier: BSL-1.0
// correct: a vector
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    std::vector<pinned> all;
    for (int i = 0; i < 4; ++i) all.push_back(gup::get_user_page(pages));
    auto last = gup::get_user_page(pages);
    all.push_back(std::move(last));
    gup::put_user_pages(std::move(all), gup::clean);
}
