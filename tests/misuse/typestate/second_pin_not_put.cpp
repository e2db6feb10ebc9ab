// SPDX-License-Identifier: BSL-1.0
// misuse: m23 a second pin that is not put
// expect-consumed-warning: method '~user_page_ref' on object 'again' while it is in the 'unconsumed' state
#include "../program.hpp"

void finish(pinned page) {
    auto again = gup::ref_user_page(page);
    use(again.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}
