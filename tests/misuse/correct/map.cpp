// SPDX-License-Identifier: BSL-1.0
// correct: a map
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

#include <map>

void read(std::map<int, pinned>& cache, pool& pages) {
    cache.emplace(1, gup::get_user_page(pages));
    cache.insert_or_assign(2, gup::get_user_page(pages));
    for (auto& [key, page] : cache) gup::put_user_page(std::move(page), gup::clean);
}
