// SPDX-License-Identifier: BSL-1.0
// misuse: the I/O address of a page that is pinned for io_uring only
// expect-error: this page has no such I/O address: its pool must be made with a vfio_domain
#include "../devices.hpp"

void start(const pinned& page) { tell_device(gup::iova(page)); }
