// SPDX-License-Identifier: BSL-1.0
// correct: several pages at once
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto all = gup::get_user_pages(pages, 4);
    for (const auto& page : all) use(page.bytes());
    gup::put_user_pages(std::move(all), gup::clean);
}
