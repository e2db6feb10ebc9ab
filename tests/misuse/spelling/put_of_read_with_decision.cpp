// SPDX-License-Identifier: BSL-1.0
// misuse: put of read with decision
// expect-error: nothing is written through a read reference, so its put takes no decision
#include "gup/user_page_ref.hpp"

void finish(gup::user_page_ref<struct domain, gup::dma_access::read> page) {
    gup::put_user_page(std::move(page), gup::dirty);
}
