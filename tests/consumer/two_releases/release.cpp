// SPDX-License-Identifier: BSL-1.0
// Built twice, with different headers of gup; ENTRY is the name of its table.
#include "release.hpp"

#include "own_domain.hpp"

#include <gup/domain/io_uring.hpp>
#include <gup/gup.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

constexpr gup::pool_options small{.pages = 64, .fallback = gup::pin_fallback::unpinned};

std::span<std::byte> map_pages(std::size_t pages) {
    void* const memory =
        ::mmap(nullptr, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return {static_cast<std::byte*>(memory), pages * 4096};
}

template <class Domain>
const char* use_a_pool(Domain domain) {
    gup::page_pool pool{domain, small};
    auto pages = gup::get_user_pages(pool, 40);
    auto again = gup::ref_user_page(pages[7]);
    std::memset(again.bytes().data(), 1, again.size());
    if (auto found = gup::find_get_page(pool, again.bytes().data() + 5))
        gup::put_page(*std::move(found));
    else
        return "a page is found by its address";
    gup::put_user_page(std::move(again), gup::dirty);
    if (!gup::page_dirty(pages[7])) return "a page that was put as dirty is dirty";
    gup::put_user_pages(std::move(pages), gup::clean);
    return pool.stats().free == pool.pages() ? nullptr : "all pages come back to their pool";
}

const char* use_a_pool_on_threads() {
    gup::page_pool pool{gup::mlock_domain(), small};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                for (int n = 0; n < 100; ++n) gup::put_user_page(gup::get_user_page(pool), gup::clean);
            });
    }
    return pool.stats().free == pool.pages() ? nullptr : "all pages come back when their threads have ended";
}

template <class Domain>
const char* use_callers_memory() {
    static Domain domain;
    static const std::span<std::byte> memory = map_pages(2);
    // the first stays: the next one is found, with what is known of it
    static auto first = gup::get_user_pages<gup::dma_access::read_write>(domain, memory);
    auto second = gup::get_user_pages<gup::dma_access::read_write>(domain, memory);
    if (&gup::page_descriptor(first) != &gup::page_descriptor(second)) return "the same memory is one page";
    if (second.bytes().data() != memory.data()) return "its bytes are the caller's";
    gup::put_user_page(std::move(second), gup::dirty);
    return gup::page_dirty(first) ? nullptr : "it is dirty for all who hold it";
}

/// (Memory that is unmapped first would be another thread's by the time of its release.)
struct stuck_kernel : gup::system_kernel {
    static int munlock(const void*, std::size_t) noexcept { return -ENOMEM; }
};
int failures = 0;
const char* hear_of_failures() {
    const auto before = gup::on_release_failure([](const gup::release_failure& f) noexcept {
        failures += std::strcmp(f.call, "munlock") == 0 && f.range.size() == 4096;
    });
    failures = 0;
    const auto page = map_pages(1);
    gup::basic_mlock_domain<stuck_kernel>().pin(page).release();
    gup::on_release_failure(before);
    if (failures != 1) return "the hook hears of a failed release";
    try {
        static_cast<void>(gup::mlock_domain().pin({}));
    } catch (const gup::pin_error& error) {
        return error.failure().code == std::errc::invalid_argument ? nullptr : "an error carries its failure";
    }
    return "a refused pin throws";
}

const char* use_a_ring() {
    io_uring ring;
    std::array<int, 2> ends{};
    if (io_uring_queue_init(4, &ring, 0) != 0) return nullptr; // not allowed here
    if (::pipe(ends.data()) != 0) return "a pipe can be made";
    {
        gup::io_uring_domain domain{ring};
        gup::page_pool pool{domain, small};
        auto page = gup::get_user_page(pool);
        std::memcpy(page.bytes().data(), "pinned", 6);
        gup::prep_write_fixed(io_uring_get_sqe(&ring), ends[1], std::move(page), 0,
                              {.part = {.offset = 0, .length = 6}});
        gup::submit(domain, ring);
        io_uring_cqe* cqe = nullptr;
        if (io_uring_wait_cqe(&ring, &cqe) != 0 || cqe->res != 6) return "a page is written";
        gup::put_user_page(gup::complete(domain, cqe), gup::clean);
        io_uring_cqe_seen(&ring, cqe);
    }
    io_uring_queue_exit(&ring);
    ::close(ends[0]);
    ::close(ends[1]);
    return nullptr;
}

const char* exercise() {
    for (const auto part :
         {+[] { return use_a_pool(gup::mlock_domain()); }, +[] { return use_a_pool(own_domain()); },
          +[] { return use_a_pool(gup::local(gup::mlock_domain())); },
          +[] { return use_a_pool(gup::tracked(gup::mlock_domain())); }, &use_a_pool_on_threads,
          &use_callers_memory<gup::mlock_domain>, &use_callers_memory<own_domain>, &hear_of_failures,
          &use_a_ring})
        if (const char* const wrong = part()) return wrong;
    return nullptr;
}

using registration = gup::mlock_domain::registration;

void* pin(const void* memory, std::size_t bytes) {
    return new registration(gup::mlock_domain().pin({static_cast<const std::byte*>(memory), bytes}));
}
void let_go(void* pinned) { delete static_cast<registration*>(pinned); }

} // namespace

const release* ENTRY() noexcept {
    static constexpr release mine{GUP_VERSION, &exercise, &pin, &let_go};
    return &mine;
}
