// SPDX-License-Identifier: BSL-1.0
// misuse: a DMA on a page that is not pinned
// expect-error: a page_ref is no licence for DMA: pin the page and hand the pin over,
// start_dma_to_device(get_user_page
#include "../devices.hpp"

void start(const gup::page_ref<device_domain>& page) { gup::start_dma_to_device(page, 1); }
