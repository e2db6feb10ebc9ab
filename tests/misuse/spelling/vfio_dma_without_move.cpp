// SPDX-License-Identifier: BSL-1.0
// misuse: a DMA on a reference that stays with the caller
// expect-error: the operation takes the reference over until it completes: write
// start_dma_from_device(std::move(ref), ...)
#include "../devices.hpp"

void start(device_page& page) { gup::start_dma_from_device(page, 1); }
