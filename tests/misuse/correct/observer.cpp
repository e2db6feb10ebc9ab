// SPDX-License-Identifier: BSL-1.0
// correct: a function that looks through a const reference
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void look(const pinned& page);

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    look(page);
    gup::put_user_page(std::move(page), gup::dirty);
}
