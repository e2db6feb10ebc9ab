// SPDX-License-Identifier: BSL-1.0
// correct: an ordinary reference pinned for a while
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto kept = gup::get_page(pages);
    auto page = gup::get_user_page(kept);
    gup::put_user_page(std::move(page), gup::clean);
    use(kept.bytes());
    gup::put_page(std::move(kept));
}
