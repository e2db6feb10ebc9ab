// SPDX-License-Identifier: BSL-1.0
// misuse: user_data set after an operation was prepared
// expect-run-error: io_uring_sqe_set_data does, and is put back now
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 1});
        int request = 0;
        io_uring_sqe* const sqe = io_uring_get_sqe(&handle.ring);
        gup::prep_read_fixed(sqe, 0, gup::get_user_page(pages), 0);
        io_uring_sqe_set_data(sqe, &request);
        gup::submit(ring, handle.ring);
    });
}
