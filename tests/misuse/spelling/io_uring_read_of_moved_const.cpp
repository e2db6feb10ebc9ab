// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring read into a moved const reference
// expect-error: the operation takes the reference over until it completes: .*, with one that is not const
#include "../program.hpp"

void read(io_uring_sqe* sqe, const pinned page) { gup::prep_read_fixed(sqe, 3, std::move(page), 0); }
