// SPDX-License-Identifier: BSL-1.0
// correct: a decision by condition
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    gup::put_user_page(std::move(page), finished() ? gup::dirty : gup::clean);
}
