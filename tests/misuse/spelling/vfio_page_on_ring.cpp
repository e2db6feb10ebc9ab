// SPDX-License-Identifier: BSL-1.0
// misuse: a page that is mapped for devices only, in an operation of io_uring
// expect-error: this page is not pinned for io_uring: its pool must be made with an io_uring_domain
#include "../devices.hpp"

void write(io_uring_sqe& entry, device_page page) { gup::prep_write_fixed(entry, 3, std::move(page), 0); }
