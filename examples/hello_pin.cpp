// SPDX-License-Identifier: BSL-1.0
// hello_pin FILE: reads the first page of a file into pinned memory and writes it to standard output.
#include <gup/domain/io_uring.hpp>
#include <gup/page_pool.hpp>

#include <cstdio>
#include <fcntl.h>
#include <string_view>

void check(int result, const char* what) {
    if (result < 0) throw std::system_error(-result, std::system_category(), what);
}

int main(int argc, char** argv) try {
    if (argc != 2) return std::fputs("usage: hello_pin FILE\n", stderr), 2;
    if (argv[1] == std::string_view("--help")) return std::puts("hello_pin FILE: prints 4096 bytes of it"), 0;
    const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::perror(argv[1]), 1;
    io_uring ring;
    check(io_uring_queue_init(8, &ring, 0), "io_uring_queue_init");

    gup::io_uring_domain domain{ring};
    gup::page_pool pool{domain, {.pages = 16, .fallback = gup::pin_fallback::unpinned}};
    if (!pool.registered()) std::fprintf(stderr, "%s\n", pool.why_not_registered()->message().c_str());

    auto ref = gup::get_user_page(pool);                                   // pinned; must be put
    gup::prep_read_fixed(*io_uring_get_sqe(&ring), fd, std::move(ref), 0); // the operation owns the pin now
    gup::submit(domain, ring);
    io_uring_cqe* cqe = nullptr;
    check(io_uring_wait_cqe(&ring, &cqe), "io_uring_wait_cqe");
    auto back = gup::complete(domain, *cqe); // ... and here it comes back, exactly once
    check(cqe->res, argv[1]);
    std::fwrite(back.bytes().data(), 1, static_cast<std::size_t>(cqe->res), stdout);
    gup::put_user_page(std::move(back), gup::dirty);
} catch (const std::exception& error) {
    return std::fprintf(stderr, "hello_pin: %s\n", error.what()), 1;
}
