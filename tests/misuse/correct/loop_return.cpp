// SPDX-License-Identifier: BSL-1.0
// correct: a reference lives across a loop and is returned
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

pinned read(pool& pages) {
    auto page = gup::get_user_page(pages);
    while (!finished()) use(page.bytes());
    return page;
}
