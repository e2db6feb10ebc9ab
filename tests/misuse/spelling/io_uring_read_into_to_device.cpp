// SPDX-License-Identifier: BSL-1.0
// misuse: io uring read into to device
// expect-error: a read operation lets the device write to the page: it takes only a read_write reference
#include "gup/domain/io_uring.hpp"

using ref = gup::user_page_ref<gup::io_uring_domain<>, gup::dma_access::to_device>;

auto read(io_uring_sqe& entry, ref page) {
    return gup::prep_read_fixed(entry, 3, std::move(page), 0, {.user_data = 42});
}
