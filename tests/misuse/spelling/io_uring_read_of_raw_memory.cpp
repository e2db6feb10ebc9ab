// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring read into a pointer
// expect-error: memory is no page: get one of a pool
#include "../program.hpp"

void read(io_uring_sqe* sqe, const pinned& page) {
    gup::prep_read_fixed(sqe, 3, page.bytes().data(), 4096, 0, 0);
}
