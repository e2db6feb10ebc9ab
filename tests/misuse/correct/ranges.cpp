// SPDX-License-Identifier: BSL-1.0
// correct: an algorithm of ranges
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

#include <algorithm>

void read(std::vector<pinned>& all) {
    std::ranges::sort(all, {}, [](const pinned& page) { return gup::page_to_pfn(page); });
    std::ranges::for_each(all, [](const pinned& page) { use(page.bytes()); });
    for (auto& page : all) gup::put_user_page(std::move(page), gup::clean);
}
