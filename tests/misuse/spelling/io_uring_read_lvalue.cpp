// SPDX-License-Identifier: BSL-1.0
// misuse: io uring read of an lvalue
// expect-error: takes the reference over until it completes: write prep_read_fixed
#include "../program.hpp"

void start(io_uring_sqe& entry, pinned& page) { gup::prep_read_fixed(entry, 3, page, 0); }
