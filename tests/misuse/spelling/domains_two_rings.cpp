// SPDX-License-Identifier: BSL-1.0
// misuse: a page of two io_uring_domains in an operation of one of them
// expect-error: with one only, which serves any number of rings
#include "../devices.hpp"

using rings = gup::domains<gup::io_uring_domain<struct disk>, gup::io_uring_domain<struct network>>;

void read(io_uring_sqe& entry, gup::user_page_ref<rings> page) {
    gup::prep_read_fixed(entry, 3, std::move(page), 0);
}
