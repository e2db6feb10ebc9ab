// SPDX-License-Identifier: BSL-1.0
// misuse: a page that is pinned for io_uring only, handed to another device
// expect-error: no device can reach this page: its pool must be made with a vfio_domain
#include "../devices.hpp"

auto start(pinned page) { return gup::start_dma_to_device(std::move(page), 1); }
