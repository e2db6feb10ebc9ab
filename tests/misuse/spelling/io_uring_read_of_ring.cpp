// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring read of a ring in place of an entry
// expect-error: write prep_read_fixed\(io_uring_get_sqe\(&ring\), fd, std::move\(ref\), offset\)
#include "../program.hpp"

void read(io_uring& ring, pinned page) { gup::prep_read_fixed(&ring, 3, std::move(page), 0); }
