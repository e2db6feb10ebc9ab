// SPDX-License-Identifier: BSL-1.0
// correct: std::swap called by its full name
// expect-clean
// expect-consumed-clang19-warning: argument not in expected state; expected 'unconsumed', observed 'unknown'
#include "../program.hpp"

void read(pinned first, pinned second) {
    std::swap(first, second);
    gup::put_user_page(std::move(first), gup::clean);
    gup::put_user_page(std::move(second), gup::clean);
}
