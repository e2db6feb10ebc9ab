// SPDX-License-Identifier: BSL-1.0
// correct: a page that is lent
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    gup::with_user_page(pages, [](const pinned& page) {
        fill(page.bytes());
        return gup::dirty;
    });
}
