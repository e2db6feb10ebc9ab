// SPDX-License-Identifier: BSL-1.0
// misuse: io uring send zc of an ordinary reference
// expect-error: a page_ref is no licence for DMA: pin the page and hand the pin over, prep_send_zc_fixed
#include "../program.hpp"

void start(io_uring_sqe& entry, plain page) { gup::prep_send_zc_fixed(entry, 3, std::move(page), 0); }
