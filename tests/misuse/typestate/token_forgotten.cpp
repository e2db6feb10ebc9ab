// SPDX-License-Identifier: BSL-1.0
// misuse: a token dropped before its completion
// expect-consumed-warning: method '~in_flight' on object 'operation' while it is in the 'unconsumed' state
#include "../program.hpp"

void read(pinned page, io_uring_sqe& sqe) {
    auto operation = gup::prep_read_fixed(sqe, 3, std::move(page), 0, {.user_data = 42});
    if (operation.user_data() != 42) std::abort();
}
