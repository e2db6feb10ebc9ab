// SPDX-License-Identifier: BSL-1.0
// misuse: m01 never put
// expect-consumed-warning: method '~user_page_ref' on object 'page' while it is in the 'unconsumed' state
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    use(page.bytes());
}
