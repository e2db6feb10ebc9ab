// SPDX-License-Identifier: BSL-1.0
// misuse: io uring plain page
// expect-error: a page_ref is no licence for DMA: pin the page and hand the pin over
#include "gup/domain/io_uring.hpp"

void write(io_uring_sqe& entry, gup::page_ref<gup::io_uring_domain<>> page) {
    gup::prep_write_fixed(entry, 3, std::move(page), 0);
}
