// SPDX-License-Identifier: BSL-1.0
// misuse: a function that is lent a page to read decides
// expect-error: the function must return nothing
#include "../program.hpp"

void read(gup::page_pool<domain, gup::dma_access::read>& pages) {
    gup::with_user_page(pages, [](const reader& page) { return use(page.bytes()), gup::clean; });
}
