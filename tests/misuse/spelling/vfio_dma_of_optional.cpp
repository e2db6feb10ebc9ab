// SPDX-License-Identifier: BSL-1.0
// misuse: DMA of an optional
// expect-error: write start_dma_from_device\(std::move\(ref\), number\)
#include "../devices.hpp"

void read(std::optional<device_page> page) { auto lent = gup::start_dma_from_device(std::move(page), 1); }
