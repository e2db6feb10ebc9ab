// SPDX-License-Identifier: BSL-1.0
// misuse: io uring read into read
// expect-error: a read operation lets the device write to the page: it takes only a read_write reference
#include "gup/domain/io_uring.hpp"

using ref = gup::user_page_ref<gup::io_uring_domain<>, gup::dma_access::read>;

void read(io_uring_sqe& entry, ref page) { gup::prep_read_fixed(entry, 3, std::move(page), 0); }
