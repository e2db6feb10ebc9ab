// SPDX-License-Identifier: BSL-1.0
// misuse: m09 leak on early return
// expect-consumed-warning: method '~user_page_ref' on object 'page' while it is in the 'unconsumed' state
#include "../program.hpp"

bool read(pool& pages) {
    auto page = gup::get_user_page(pages);
    if (finished()) return false;
    gup::put_user_page(std::move(page), gup::dirty);
    return true;
}
