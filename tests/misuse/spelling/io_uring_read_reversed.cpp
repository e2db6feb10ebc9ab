// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring read with the page before the descriptor
// expect-error: write prep_read_fixed\(io_uring_get_sqe\(&ring\), fd, std::move\(ref\), offset\)
#include "../program.hpp"

void read(io_uring_sqe* sqe, pinned page) { gup::prep_read_fixed(sqe, std::move(page), 3, 0); }
