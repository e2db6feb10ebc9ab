// SPDX-License-Identifier: BSL-1.0
// misuse: get_page of pinned memory of the caller's
// expect-error: get_page is for ordinary references: a second pin comes from ref_user_page
#include "../program.hpp"

void share(domain& ring, std::span<std::byte> memory) {
    auto pin = gup::get_user_pages(ring, memory);
    auto second = gup::get_page(pin);
}
