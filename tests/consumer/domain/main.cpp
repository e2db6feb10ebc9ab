// SPDX-License-Identifier: BSL-1.0
// Uses a domain of the program's own as it would gup's: with pools, with the caller's memory, together with
// another domain, in a forked child.
#include "buffers_domain.hpp"

#include <gup/gup.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

using program::buffers_domain;

int failures = 0;
void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    ++failures;
}

/// Reads from a pipe into a page of this pool or memory.
template <class Page>
Page read_back(io_uring& ring, Page page, std::string_view text) {
    int ends[2];
    check(pipe(ends) == 0 && write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          "a pipe");
    auto token = program::read_into(*io_uring_get_sqe(&ring), ends[0], std::move(page), 42);
    io_uring_submit_and_wait(&ring, 1);
    io_uring_cqe* cqe = nullptr;
    check(io_uring_peek_cqe(&ring, &cqe) == 0, "the read completes");
    check(cqe->res == static_cast<int>(text.size()), "all of it is read");
    page = gup::complete(std::move(token), cqe->user_data);
    io_uring_cqe_seen(&ring, cqe);
    check(std::memcmp(page.bytes().data(), text.data(), text.size()) == 0, "what was written is read");
    check(gup::page_dirty(page), "a page that was read into is dirty");
    close(ends[0]);
    close(ends[1]);
    return page;
}

void use(io_uring& ring) {
    buffers_domain domain(ring);
    gup::page_pool pool(domain, {.pages = 4});
    check(pool.stats().bytes_registered == 4 * 4096, "the pool is pinned");
    gup::put_user_page(read_back(ring, gup::get_user_page(pool), "of a pool"), gup::dirty);

    gup::page_pool local(gup::local<buffers_domain>(domain), {.pages = 1});
    gup::put_user_page(read_back(ring, gup::get_user_page(local), "of one thread"), gup::dirty);

    gup::domains both{gup::mlock_domain(), domain};
    gup::page_pool locked(both, {.pages = 1});
    gup::put_user_page(read_back(ring, gup::get_user_page(locked), "of two domains"), gup::dirty);

    void* const mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const std::span memory(static_cast<std::byte*>(mapped), 4096);
    gup::put_user_page(read_back(ring, gup::get_user_pages(domain, memory), "of the program's"), gup::dirty);

    gup::pin_failure failure;
    check(!domain.try_pin({}, gup::dma_access::read, failure) && failure.code == std::errc::invalid_argument,
          "an empty range is refused");
    check(!domain.try_pin({memory.data(), std::size_t{1} << 45}, gup::dma_access::read, failure) &&
              failure.message().find("ulimit -l") != std::string::npos,
          "the kernel's refusal has the place's remedy");
    munmap(mapped, 4096);

    if (const pid_t child = fork(); child == 0) {
        const bool refused = !domain.try_pin(memory, gup::dma_access::read, failure) &&
                             failure.code == std::errc::operation_not_permitted &&
                             failure.message().find("of the child's own") != std::string::npos;
        _exit(refused ? 0 : 1);
    } else {
        int status = 1;
        waitpid(child, &status, 0);
        check(status == 0, "a forked child is refused, with the place's words");
    }
}

} // namespace

int main() try {
    io_uring ring{};
    if (io_uring_queue_init(8, &ring, 0) < 0) return std::perror("io_uring_queue_init"), 1;
    use(ring);
    io_uring_queue_exit(&ring);
    return failures;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
