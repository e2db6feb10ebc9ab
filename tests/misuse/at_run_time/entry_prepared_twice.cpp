// SPDX-License-Identifier: BSL-1.0
// misuse: an entry that is prepared twice
// expect-run-error: get an entry for each operation
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 2});
        io_uring_sqe* const sqe = io_uring_get_sqe(&handle.ring);
        gup::prep_read_fixed(sqe, -1, gup::get_user_page(pages), 0);
        gup::prep_read_fixed(sqe, -1, gup::get_user_page(pages), 4096);
        gup::submit(ring, handle.ring);
    });
}
