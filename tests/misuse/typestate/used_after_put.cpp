// SPDX-License-Identifier: BSL-1.0
// misuse: m05 use after put
// expect-consumed-warning: method 'bytes' on object 'page' while it is in the 'consumed' state
#include "../program.hpp"

void finish(pinned page) {
    gup::put_user_page(std::move(page), gup::dirty);
    use(page.bytes());
}
