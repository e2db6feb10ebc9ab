// SPDX-License-Identifier: BSL-1.0
// misuse: io uring read into const memory
// expect-error: a read operation lets the device write to the page: it takes only a read_write reference
#include "../program.hpp"

void read_into(io_uring_sqe& entry, domain& ring, std::span<const std::byte> memory) {
    gup::prep_read_fixed(entry, 3, gup::get_user_pages(ring, memory), 0);
}
