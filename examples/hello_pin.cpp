// SPDX-License-Identifier: BSL-1.0
// Reads the first page of a file into pinned memory and writes it to standard output.
#include <gup/domain/io_uring.hpp>
#include <gup/page_pool.hpp>

#include <cstdio>
#include <fcntl.h>

int main(int argc, char** argv) try {
    const int fd = ::open(argc > 1 ? argv[1] : argv[0], O_RDONLY | O_CLOEXEC);
    io_uring ring;
    if (fd < 0 || io_uring_queue_init(8, &ring, 0) < 0) return std::perror("hello_pin"), 1;

    gup::io_uring_domain domain{ring};
    gup::page_pool pool{domain, {.pages = 16, .fallback = gup::pin_fallback::unpinned}};
    if (!pool.registered()) std::fprintf(stderr, "not pinned: %s\n", pool.why_not_registered()->message().c_str());

    auto ref = gup::get_user_page(pool);                           // pinned; must be put
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    gup::prep_read_fixed(*sqe, fd, std::move(ref), 0);             // the operation owns the pin now
    gup::submit(domain, ring);

    io_uring_cqe* cqe = nullptr;
    if (io_uring_wait_cqe(&ring, &cqe) < 0) return 1;
    auto back = gup::complete(domain, *cqe);                       // ... and here it comes back, exactly once
    if (cqe->res > 0) std::fwrite(back.bytes().data(), 1, static_cast<std::size_t>(cqe->res), stdout);
    gup::put_user_page(std::move(back), cqe->res > 0 ? gup::dirty : gup::clean);
    io_uring_cqe_seen(&ring, cqe);
} catch (const gup::pin_error& error) {
    return std::fprintf(stderr, "hello_pin: %s\n", error.what()), 1;
}
