// SPDX-License-Identifier: BSL-1.0
// misuse: widen read to device
// expect-error: access narrows and never widens
#include "gup/user_page_ref.hpp"

auto widen(const gup::user_page_ref<struct domain, gup::dma_access::read>& page) {
    return gup::ref_user_page<gup::dma_access::to_device>(page);
}
