// SPDX-License-Identifier: BSL-1.0
// misuse: io uring read of a linear reference
// expect-error: an operation takes an ordinary reference: write prep_read_fixed
#include "../program.hpp"

void start(io_uring_sqe& entry, gup::linear<pinned> page) {
    gup::prep_read_fixed(entry, 3, std::move(page), 0);
}
