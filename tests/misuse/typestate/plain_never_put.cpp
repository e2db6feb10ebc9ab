// SPDX-License-Identifier: BSL-1.0
// misuse: an ordinary reference never put
// expect-consumed-warning: method '~page_ref' on object 'page' while it is in the 'unconsumed' state
#include "../program.hpp"

void look(pool& pages) {
    auto page = gup::get_page(pages);
    use(page.bytes());
}
