// SPDX-License-Identifier: BSL-1.0
// misuse: H f6041803a831 io_uring/net: buffers given back before the notification
// expect-run-error: the kernel still uses the page
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 1}};
        io_uring_sqe& sqe = *io_uring_get_sqe(&io.ring);
        gup::prep_send_zc_fixed(sqe, 1, gup::get_user_page(pages), 0);
        io_uring_cqe cqe{};
        cqe.user_data = sqe.user_data;
        cqe.flags = IORING_CQE_F_MORE;
        gup::put_user_page(gup::complete(ring, cqe), gup::clean);
    });
}
