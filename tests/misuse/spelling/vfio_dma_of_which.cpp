// SPDX-License-Identifier: BSL-1.0
// misuse: a page of two containers handed to a device, without saying of which
// expect-error: no device can reach this page: its pool must be made with a vfio_domain, and of several
// ones start_dma_to_device<domain>(...) names which
#include "../devices.hpp"

using two = gup::domains<gup::vfio_domain<struct disk>, gup::vfio_domain<struct network>>;

void start(gup::user_page_ref<two> page) { auto flight = gup::start_dma_to_device(std::move(page), 1); }
