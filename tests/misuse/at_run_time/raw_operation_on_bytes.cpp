// SPDX-License-Identifier: BSL-1.0
// misuse: a page put before an operation that liburing prepared on its bytes completes
// expect-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 1});
        auto page = gup::get_user_page(pages);
        io_uring_prep_read(io_uring_get_sqe(&handle.ring), 0, page.bytes().data(), 4096, 0);
        gup::submit(ring, handle.ring);
        gup::put_user_page(std::move(page), gup::dirty);
    });
}
