// SPDX-License-Identifier: BSL-1.0
// misuse: the program's own user_data for two operations at a time
// expect-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 2});
        auto waiting = gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), 0, gup::get_user_page(pages), 0,
                                            {.user_data = 7});
        auto failing = gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), -1, gup::get_user_page(pages), 0,
                                            {.user_data = 7});
        gup::submit(ring, handle.ring);
        io_uring_cqe* cqe = nullptr;
        check(io_uring_wait_cqe(&handle.ring, &cqe) == 0, "there is a completion");
        gup::put_user_page(gup::complete(waiting, cqe), gup::clean); // it is the other's
        gup::put_user_page(gup::complete(failing, cqe), gup::clean);
    });
}
