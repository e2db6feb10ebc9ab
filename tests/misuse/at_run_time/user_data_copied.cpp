// SPDX-License-Identifier: BSL-1.0
// misuse: a completion of the program's with the user_data of an operation in flight
// expect-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 1});
        io_uring_sqe* const sqe = io_uring_get_sqe(&handle.ring);
        gup::prep_read_fixed(sqe, 0, gup::get_user_page(pages), 0);
        const auto user_data = sqe->user_data;
        gup::submit(ring, handle.ring);
        io_uring_sqe* const own = io_uring_get_sqe(&handle.ring);
        io_uring_prep_nop(own);
        io_uring_sqe_set_data64(own, user_data);
        io_uring_submit(&handle.ring); // gup::submit would refuse it
        io_uring_cqe* cqe = nullptr;
        check(io_uring_wait_cqe(&handle.ring, &cqe) == 0, "there is a completion");
        gup::put_user_page(gup::complete(ring, cqe), gup::clean);
    });
}
