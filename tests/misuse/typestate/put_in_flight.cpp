// SPDX-License-Identifier: BSL-1.0
// misuse: a page put after it was handed to an operation
// expect-consumed-warning: argument not in expected state; expected 'unconsumed', observed 'consumed'
#include "../program.hpp"

void read(pinned page, io_uring_sqe& sqe) {
    gup::prep_read_fixed(sqe, 3, std::move(page), 0);
    gup::put_user_page(std::move(page), gup::dirty);
}
