// SPDX-License-Identifier: BSL-1.0
// hello_pin FILE: reads the first page of a file into pinned memory and writes it to standard output.
#include <gup/domain/io_uring.hpp> // needs liburing
#include <gup/gup.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <string_view>
#include <system_error>
#include <utility>

void print_first_page(io_uring& ring, int fd) {
    gup::io_uring_domain domain{ring};
    // as many pages as the user's limit leaves room for; the ring itself takes of that room, too
    auto room = gup::memlock_budget::read().available(gup::pin_budget::user_locked_vm).value_or(1 << 20);
    auto pages = std::min<std::size_t>(1 + room / 16384, 16);
    gup::page_pool pool{domain, {.pages = pages, .fallback = gup::pin_fallback::unpinned}};
    if (!pool.registered()) std::fprintf(stderr, "%s\n", pool.why_not_registered()->message().c_str());

    // the page is the operation's from here on; if the queue is full (a null entry) this throws: submit first
    gup::prep_read_fixed(io_uring_get_sqe(&ring), fd, gup::get_user_page(pool), 0);
    gup::submit(domain, ring);
    io_uring_cqe* cqe = nullptr;
    while (io_uring_wait_cqe(&ring, &cqe) == -EINTR) continue; // a signal ends the wait, not the read
    auto page = gup::complete(domain, cqe); // ... and here the page comes back, exactly once
    const int bytes = cqe->res;
    io_uring_cqe_seen(&ring, cqe); // else the next wait finds this one again

    if (bytes > 0) std::fwrite(page.bytes().data(), 1, static_cast<std::size_t>(bytes), stdout);
    gup::put_user_page(std::move(page), gup::dirty); // the kernel has written to it
    if (bytes < 0) throw std::system_error(-bytes, std::generic_category(), "read");
}

int main(int argc, char** argv) try {
    if (argc != 2 || argv[1] == std::string_view("--help")) {
        std::fputs("usage: hello_pin FILE: prints the first 4096 bytes of it\n", argc == 2 ? stdout : stderr);
        return argc == 2 ? 0 : 2;
    }
    const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), argv[1]);
    io_uring ring;
    if (const int error = -io_uring_queue_init(8, &ring, 0); error != 0)
        throw std::system_error(error, std::generic_category(), "io_uring_queue_init");
    print_first_page(ring, fd);
    io_uring_queue_exit(&ring);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "hello_pin: %s\n", error.what());
    return 1;
}
