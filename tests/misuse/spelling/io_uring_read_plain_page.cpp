// SPDX-License-Identifier: BSL-1.0
// misuse: io uring read of an ordinary reference
// expect-error: a page_ref is no licence for DMA: pin the page and hand the pin over, prep_read_fixed
#include "../program.hpp"

void start(io_uring_sqe& entry, plain page) { gup::prep_read_fixed(entry, 3, std::move(page), 0); }
