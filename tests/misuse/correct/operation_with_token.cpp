// SPDX-License-Identifier: BSL-1.0
// correct: an operation with a token
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages, io_uring_sqe& sqe, const io_uring_cqe& cqe) {
    auto reading = gup::prep_read_fixed(sqe, 3, gup::get_user_page(pages), 0, {.user_data = 42});
    auto back = gup::complete(std::move(reading), cqe);
    use(back.bytes());
    gup::put_user_page(std::move(back), gup::dirty);
}
