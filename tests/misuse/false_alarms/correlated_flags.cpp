// SPDX-License-Identifier: BSL-1.0
// correct: two ifs that ask the same
// expect-clean
// expect-consumed-clang19-warning: argument not in expected state; expected 'unconsumed', observed 'unknown'
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    const bool wrote = finished();
    if (wrote) gup::put_user_page(std::move(page), gup::dirty);
    if (!wrote) gup::put_user_page(std::move(page), gup::clean);
}
