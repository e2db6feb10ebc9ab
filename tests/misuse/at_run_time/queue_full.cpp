// SPDX-License-Identifier: BSL-1.0
// misuse: more operations than the submission queue has entries
// expect-run-error: the submission queue is full: submit first
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 9});
        for (int i = 0; i < 9; ++i)
            gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), -1, gup::get_user_page(pages), 0);
    });
}
