// SPDX-License-Identifier: BSL-1.0
// misuse: put_page of pinned memory of the caller's
// expect-error: put_page is for ordinary references: a pinned page came from get_user_page
#include "../program.hpp"

void finish(domain& ring, std::span<std::byte> memory) { gup::put_page(gup::get_user_pages(ring, memory)); }
