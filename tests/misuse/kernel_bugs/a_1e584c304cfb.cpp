// SPDX-License-Identifier: BSL-1.0
// misuse: A 1e584c304cfb vsock/virtio: managed fragments put as ordinary pages
// expect-error: put_page is for ordinary references
#include "../program.hpp"

void finish(domain& ring, const io_uring_cqe& cqe) { gup::put_page(gup::complete(ring, cqe)); }
