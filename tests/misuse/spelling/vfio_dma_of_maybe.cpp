// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: DMA
// expect-error: optional or maybe pass what it holds
#include "../devices.hpp"

void start(gup::maybe<device_page> page) { gup::start_dma_from_device(std::move(page), 7); }
