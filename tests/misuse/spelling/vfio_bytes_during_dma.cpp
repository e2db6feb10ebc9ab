// SPDX-License-Identifier: BSL-1.0
// misuse: a look at a page while the device writes to it
// expect-error: a device may be writing to this page: complete the operation first, it gives the reference
// back
#include "../devices.hpp"

void start(device_page page) {
    auto flight = gup::start_dma_from_device(std::move(page), 1);
    flight.bytes();
}
