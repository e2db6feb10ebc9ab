// SPDX-License-Identifier: BSL-1.0
// misuse: m07 put on a branch, and again
// expect-consumed-warning: argument not in expected state; expected 'unconsumed', observed 'unknown'
#include "../program.hpp"

void finish(pinned page) {
    if (finished()) gup::put_user_page(std::move(page), gup::clean);
    gup::put_user_page(std::move(page), gup::dirty);
}
