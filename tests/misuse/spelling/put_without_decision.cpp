// SPDX-License-Identifier: BSL-1.0
// misuse: m03 put without a decision
// expect-error: a put of a writable page must say whether it was written
#include "gup/user_page_ref.hpp"

void finish(gup::user_page_ref<struct domain> page) { gup::put_user_page(std::move(page)); }
void finish(gup::user_page_ref<struct domain, gup::dma_access::to_device> page) {
    gup::put_user_page(std::move(page));
}
