// SPDX-License-Identifier: BSL-1.0
// misuse: D 8f6898fe8079 vhost/net: a zerocopy buffer completed twice
// expect-run-error: no operation in flight belongs to it
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 2}};
        io_uring_sqe& sqe = *io_uring_get_sqe(&io.ring);
        gup::prep_write_fixed(sqe, 1, gup::get_user_page(pages), 0);
        io_uring_cqe cqe{};
        cqe.user_data = sqe.user_data;
        gup::put_user_page(gup::complete(ring, cqe), gup::clean);
        gup::put_user_page(gup::complete(ring, cqe), gup::clean);
    });
}
