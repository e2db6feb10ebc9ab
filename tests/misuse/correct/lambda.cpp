// SPDX-License-Identifier: BSL-1.0
// correct: a lambda that looks
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    const auto look = [&] { use(page.bytes()); };
    look();
    gup::put_user_page(std::move(page), gup::dirty);
}
