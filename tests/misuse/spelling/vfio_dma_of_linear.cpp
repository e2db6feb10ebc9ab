// SPDX-License-Identifier: BSL-1.0
// misuse: a DMA on a linear reference
// expect-error: an operation takes an ordinary reference: write start_dma_to_device
// ...)
#include "../devices.hpp"

void start(gup::linear<device_page>&& page) { gup::start_dma_to_device(std::move(page), 1); }
