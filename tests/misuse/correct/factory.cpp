// SPDX-License-Identifier: BSL-1.0
// correct: a factory
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

pinned start(pool& pages) {
    auto page = gup::get_user_page(pages);
    use(page.bytes());
    return page;
}

void read(pool& pages) { gup::put_user_page(start(pages), gup::clean); }
