// SPDX-License-Identifier: BSL-1.0
// misuse: a page used after it was handed to an operation
// expect-consumed-warning: method 'bytes' on object 'page' while it is in the 'consumed' state
#include "../program.hpp"

void read(pinned page, io_uring_sqe& sqe) {
    gup::prep_read_fixed(sqe, 3, std::move(page), 0);
    use(page.bytes());
}
