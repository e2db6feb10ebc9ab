// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: DMA
// expect-error: there may be no page in it: look whether there is one.*start_dma_from_device
#include "../devices.hpp"

void start(gup::maybe<device_page> page) { gup::start_dma_from_device(std::move(page), 7); }
