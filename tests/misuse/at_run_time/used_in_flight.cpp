// SPDX-License-Identifier: BSL-1.0
// misuse: a page used after it was handed to an operation
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 1});
        auto page = gup::get_user_page(pages);
        gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), 0, std::move(page), 0);
        page.bytes()[0] = std::byte{1};
    });
}
