// SPDX-License-Identifier: BSL-1.0
// misuse: dirty through read
// expect-error: nothing is written through a read reference, so it cannot make its page dirty
#include "gup/page_flags.hpp"

void written(const gup::user_page_ref<struct domain, gup::dma_access::read>& page) {
    gup::set_page_dirty(page);
}
