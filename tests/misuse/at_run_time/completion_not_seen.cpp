// SPDX-License-Identifier: BSL-1.0
// misuse: a loop without io_uring_cqe_seen
// expect-run-error: io_uring_cqe_seen is not called
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 2});
        for (int i = 0; i < 2; ++i)
            gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), -1, gup::get_user_page(pages), 0);
        gup::submit(ring, handle.ring);
        for (int i = 0; i < 2; ++i) {
            io_uring_cqe* cqe = nullptr;
            check(io_uring_wait_cqe(&handle.ring, &cqe) == 0, "there is a completion");
            gup::put_user_page(gup::complete(ring, cqe), gup::clean);
        }
    });
}
