// SPDX-License-Identifier: BSL-1.0
// misuse: put_user_pages that names the pool
// expect-error: neither pool nor number is named
#include "../program.hpp"

void finish(pool& from, std::vector<pinned> pages) {
    gup::put_user_pages(from, std::move(pages), gup::clean);
}
