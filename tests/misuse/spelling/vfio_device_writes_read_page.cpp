// SPDX-License-Identifier: BSL-1.0
// misuse: a device that writes to a page pinned for reading
// expect-error: the device would write to the page: it takes only a read_write reference
#include "../devices.hpp"

void start(gup::user_page_ref<device_domain, gup::dma_access::to_device> page) {
    tell_device(gup::iova(page));
    auto flight = gup::start_dma_from_device(std::move(page), 1);
    static_cast<void>(gup::complete(std::move(flight), 1));
}
