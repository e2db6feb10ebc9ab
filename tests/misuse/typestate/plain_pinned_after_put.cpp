// SPDX-License-Identifier: BSL-1.0
// misuse: an ordinary reference pinned after its put
// expect-consumed-warning: argument not in expected state; expected 'unconsumed', observed 'consumed'
#include "../program.hpp"

void finish(plain page) {
    gup::put_page(std::move(page));
    gup::put_user_page(gup::get_user_page(page), gup::clean);
}
