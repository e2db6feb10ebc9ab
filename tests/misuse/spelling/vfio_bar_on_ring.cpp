// SPDX-License-Identifier: BSL-1.0
// misuse: the memory of a device pinned for io_uring
// expect-error: this domain cannot pin the memory of a device: only a vfio_domain maps it, for other devices
// of its container
#include "../devices.hpp"

void pin(domain& ring, const gup::vfio_bar& bar) { auto page = gup::get_user_pages(ring, bar); }
