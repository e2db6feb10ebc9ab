// SPDX-License-Identifier: BSL-1.0
// misuse: a put while the device writes
// expect-error: a device may still reach this page: complete the operation first
#include "../devices.hpp"

void start(device_page page) {
    auto flight = gup::start_dma_from_device(std::move(page), 1);
    gup::put_user_page(std::move(flight), gup::dirty);
}
