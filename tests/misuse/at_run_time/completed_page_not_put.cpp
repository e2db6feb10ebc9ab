// SPDX-License-Identifier: BSL-1.0
// misuse: a completed page that is not put
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 1});
        const auto kept = gup::get_page(pages);
        gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), -1, gup::get_user_page(kept), 0);
        gup::submit(ring, handle.ring);
        io_uring_cqe* cqe = nullptr;
        check(io_uring_wait_cqe(&handle.ring, &cqe) == 0, "the operation completes");
        { const auto page = gup::complete(ring, cqe); }
        check(!gup::page_maybe_dma_pinned(kept) && gup::page_dirty(kept),
              "the pin has ended, the page is dirty");
    });
}
