// SPDX-License-Identifier: BSL-1.0
// misuse: a function that is lent a page returns a bool
// expect-error: the function must return how the page is put
#include "../program.hpp"

void read(pool& pages) {
    gup::with_user_page(pages, [](const pinned& page) { return !page.bytes().empty(); });
}
