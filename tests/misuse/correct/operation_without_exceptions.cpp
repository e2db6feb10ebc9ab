// SPDX-License-Identifier: BSL-1.0
// correct: an operation that reports an error_code
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages, io_uring_sqe& sqe) {
    auto page = gup::get_user_page(pages);
    std::error_code error;
    gup::prep_read_fixed(sqe, 3, std::move(page), 0, {}, error);
    if (page) gup::put_user_page(std::move(page), gup::clean);
}
