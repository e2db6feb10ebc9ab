// SPDX-License-Identifier: BSL-1.0
// correct: an optional reference
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    if (auto page = gup::try_get_user_page(pages)) {
        use(page->bytes());
        gup::put_user_page(*std::move(page), gup::clean);
    }
}
