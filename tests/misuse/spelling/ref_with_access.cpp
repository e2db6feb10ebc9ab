// SPDX-License-Identifier: BSL-1.0
// misuse: ref_user_page with the access as an argument
// expect-error: ref_user_page<gup::dma_access::read>\(ref\) for less access
#include "../program.hpp"

void read(const pinned& page) { auto again = gup::ref_user_page(page, gup::dma_access::read); }
