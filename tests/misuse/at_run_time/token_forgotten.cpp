// SPDX-License-Identifier: BSL-1.0
// misuse: a token dropped before its completion
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 1});
        const auto kept = gup::get_page(pages);
        {
            const auto operation = gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), 0,
                                                        gup::get_user_page(kept), 0, {.user_data = 42});
        }
        check(gup::page_maybe_dma_pinned(kept), "the page of the operation stays pinned");
    });
}
