// SPDX-License-Identifier: BSL-1.0
// correct: a reference lent by a reference that is not const
// expect-clean
// expect-consumed-clang19-warning: argument not in expected state; expected 'unconsumed', observed 'unknown'
#include "../program.hpp"

void look(pinned& page);

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    look(page);
    gup::put_user_page(std::move(page), gup::dirty);
}
