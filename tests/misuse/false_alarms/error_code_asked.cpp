// SPDX-License-Identifier: BSL-1.0
// correct: a put after a refused operation, of which the error_code is asked
// expect-clean
// expect-consumed-clang19-warning: argument not in expected state; expected 'unconsumed', observed 'consumed'
#include "../program.hpp"

void read(pool& pages, io_uring_sqe& sqe) {
    auto page = gup::get_user_page(pages);
    std::error_code error;
    gup::prep_read_fixed(sqe, 3, std::move(page), 0, {}, error);
    if (error) gup::put_user_page(std::move(page), gup::clean);
}
