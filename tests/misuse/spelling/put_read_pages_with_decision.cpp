// SPDX-License-Identifier: BSL-1.0
// misuse: put read pages with decision
// expect-error: nothing is written through read references, so their put takes no decision
#include "gup/page_pool.hpp"

void finish(std::vector<gup::user_page_ref<struct domain, gup::dma_access::read>> pages) {
    gup::put_user_pages(std::move(pages), gup::clean);
}
