// SPDX-License-Identifier: BSL-1.0
// misuse: m04 double put
// expect-consumed-warning: argument not in expected state; expected 'unconsumed', observed 'consumed'
#include "../program.hpp"

void finish(pinned page) {
    gup::put_user_page(std::move(page), gup::dirty);
    gup::put_user_page(std::move(page), gup::dirty);
}
