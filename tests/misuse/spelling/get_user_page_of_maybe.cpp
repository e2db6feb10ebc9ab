// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: an ordinary reference pinned
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void pin(pool& pages, const void* address) {
    const auto page = gup::find_get_page(pages, address);
    gup::put_user_page(gup::get_user_page(page), gup::clean);
}
