// SPDX-License-Identifier: BSL-1.0
// misuse: a short read taken whole
// expect-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::page_pool pages(ring, {.pages = 1});
        const int file = ::memfd_create("short", 0);
        check(::write(file, "short", 5) == 5, "the file has five bytes");
        gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), file, gup::get_user_page(pages), 0);
        gup::submit(ring, handle.ring);
        io_uring_cqe* cqe = nullptr;
        check(io_uring_wait_cqe(&handle.ring, &cqe) == 0, "there is a completion");
        auto page = gup::complete(ring, cqe);
        use(page.bytes());
        gup::put_user_page(std::move(page), gup::dirty);
    });
}
