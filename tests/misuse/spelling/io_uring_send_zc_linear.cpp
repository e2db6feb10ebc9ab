// SPDX-License-Identifier: BSL-1.0
// misuse: io uring send zc of a linear reference
// expect-error: an operation takes an ordinary reference: write prep_send_zc_fixed
#include "../program.hpp"

void start(io_uring_sqe& entry, gup::linear<pinned> page) {
    gup::prep_send_zc_fixed(entry, 3, std::move(page), 0);
}
