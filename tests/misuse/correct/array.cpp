// SPDX-License-Identifier: BSL-1.0
// correct: an array filled in place
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    std::array<pinned, 4> all;
    gup::get_user_pages(pages, all);
    for (auto& page : all) gup::put_user_page(std::move(page), gup::clean);
}
