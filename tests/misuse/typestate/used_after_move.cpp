// SPDX-License-Identifier: BSL-1.0
// misuse: m06 use after move
// expect-consumed-warning: method 'bytes' on object 'page' while it is in the 'consumed' state
#include "../program.hpp"

void finish(pinned page) {
    pinned taken = std::move(page);
    use(page.bytes());
    gup::put_user_page(std::move(taken), gup::dirty);
}
