// SPDX-License-Identifier: BSL-1.0
// correct: an operation and its completion
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(domain& ring, pool& pages, io_uring_sqe& sqe, const io_uring_cqe& cqe) {
    auto page = gup::get_user_page(pages);
    gup::prep_read_fixed(sqe, 3, std::move(page), 0);
    auto back = gup::complete(ring, cqe);
    use(back.bytes());
    gup::put_user_page(std::move(back), gup::dirty);
}
