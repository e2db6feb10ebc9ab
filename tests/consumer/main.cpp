// SPDX-License-Identifier: BSL-1.0
// What a user of gup writes, built from the installed package and from the source tree: writes a page to a
// pipe.
#include <gup/domain/io_uring.hpp>
#include <gup/gup.hpp>

#include <cstdio>
#include <cstring>
#include <unistd.h>

int main() try {
    int ends[2];
    io_uring ring;
    if (::pipe(ends) != 0 || io_uring_queue_init(4, &ring, 0) != 0) return std::perror("consumer"), 1;

    gup::io_uring_domain domain{ring};
    gup::page_pool pool{domain, {.pages = 4, .fallback = gup::pin_fallback::unpinned}};
    auto ref = gup::get_user_page(pool);
    std::memcpy(ref.bytes().data(), "pinned", 6);
    gup::prep_write_fixed(io_uring_get_sqe(&ring), ends[1], std::move(ref), 0,
                          {.part = {.offset = 0, .length = 6}});
    gup::submit(domain, ring);

    io_uring_cqe* cqe = nullptr;
    if (io_uring_wait_cqe(&ring, &cqe) != 0 || cqe->res != 6) return 1;
    gup::put_user_page(gup::complete(domain, cqe), gup::clean);
    char text[6];
    return ::read(ends[0], text, sizeof text) == 6 && std::memcmp(text, "pinned", 6) == 0 ? 0 : 1;
} catch (const gup::pin_error& error) {
    return std::fprintf(stderr, "consumer: %s\n", error.what()), 1;
}
