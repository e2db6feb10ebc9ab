// SPDX-License-Identifier: BSL-1.0
// misuse: a function that is lent pages decides nothing
// expect-error: the function must return how the page is put
#include "../program.hpp"

void read(pool& pages) {
    gup::with_user_pages(pages, 2, [](std::span<const pinned> lent) { use(lent[0].bytes()); });
}
