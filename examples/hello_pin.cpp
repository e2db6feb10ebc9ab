// SPDX-License-Identifier: BSL-1.0
// hello_pin FILE: reads the first page of a file into pinned memory and writes it to standard output.
#include <cstdio>
#include <gup/domain/io_uring.hpp> // and liburing
#include <gup/gup.hpp>

int main(int argc, char** argv) try {
    if (argc != 2) return std::fputs("usage: hello_pin FILE\n", stderr), 2;
    if (argv[1] == std::string_view("--help")) return std::puts("hello_pin FILE: prints 4096 bytes of it"), 0;
    const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::perror(argv[1]), 1;
    io_uring ring;
    if ((errno = -io_uring_queue_init(8, &ring, 0)) != 0) return std::perror("io_uring_queue_init"), 1;
    gup::io_uring_domain domain{ring};
    auto room = gup::memlock_budget::read().available(gup::pin_budget::user_locked_vm).value_or(1 << 20);
    auto pages = std::min<std::size_t>(1 + room / 16384, 16); // the ring itself takes of that room, too
    gup::page_pool pool{domain, {.pages = pages, .fallback = gup::pin_fallback::unpinned}};
    if (!pool.registered()) std::fprintf(stderr, "%s\n", pool.why_not_registered()->message().c_str());

    gup::prep_read_fixed(*io_uring_get_sqe(&ring), fd, gup::get_user_page(pool), 0); // the operation's now
    gup::submit(domain, ring);
    io_uring_cqe* cqe = nullptr;
    if ((errno = -io_uring_wait_cqe(&ring, &cqe)) != 0) return std::perror("io_uring_wait_cqe"), 1;
    auto page = gup::complete(domain, *cqe); // ... and here the page comes back, exactly once
    std::fwrite(page.bytes().data(), 1, static_cast<std::size_t>(std::max(cqe->res, 0)), stdout);
    gup::put_user_page(std::move(page), gup::dirty);
    if ((errno = -cqe->res) > 0) return std::perror(argv[1]), 1;
} catch (const std::exception& error) {
    return std::fprintf(stderr, "hello_pin: %s\n", error.what()), 1;
}
