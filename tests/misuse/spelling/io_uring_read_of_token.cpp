// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring read into a page in flight
// expect-error: write prep_read_fixed\(io_uring_get_sqe\(&ring\), fd, std::move\(ref\), offset\)
#include "../program.hpp"

void read(io_uring_sqe* sqe, token page) { gup::prep_read_fixed(sqe, 3, std::move(page), 0); }
