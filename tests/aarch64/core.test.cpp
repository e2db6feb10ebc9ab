// SPDX-License-Identifier: BSL-1.0
// The core with memory that is really locked, by system calls that qemu-user hands on.
#include "gup/gup.hpp"

#include "gup_test/catch.hpp"

#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>

namespace {

constexpr std::size_t page_size = 4096;

/// The kernel drops no page that is locked.
bool is_locked(std::byte* page) { return ::madvise(page, page_size, MADV_DONTNEED) != 0; }

} // namespace

TEST_CASE("a pool of locked pages gives pages and takes them back") {
    gup::page_pool pool{gup::mlock_domain(), {.page_size = page_size, .pages = 4}};
    auto page = gup::get_user_page(pool);
    auto again = gup::ref_user_page(page);
    CHECK(is_locked(page.bytes().data()));
    CHECK(pool.stats().free == 3);
    again.bytes()[0] = std::byte{7};
    gup::put_user_page(std::move(again), gup::dirty);
    CHECK(gup::page_dirty(page));
    CHECK(pool.find(page.bytes().data() + 5) == &gup::page_descriptor(page));
    gup::put_user_page(std::move(page), gup::clean);
    CHECK(pool.stats().free == 4);
}

TEST_CASE("the caller's memory is locked while it is pinned") {
    auto* const memory = static_cast<std::byte*>(
        ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    gup::mlock_domain domain;
    auto pinned = gup::get_user_pages(domain, std::span(memory, page_size));
    CHECK(is_locked(memory));
    gup::put_user_page(std::move(pinned), gup::dirty);
    CHECK_FALSE(is_locked(memory));
    ::munmap(memory, page_size);
}

TEST_CASE("threads write to each other's pages through an address space") {
    constexpr int rounds = 2000;
    gup::page_pool pool{gup::mlock_domain(), {.page_size = page_size, .pages = 64}};
    gup::address_space names{pool};
    {
        auto page = gup::get_user_page(pool);
        page.bytes()[0] = std::byte{0};
        names.insert(1, page);
        gup::put_user_page(std::move(page), gup::dirty);
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < rounds; ++n) {
                auto named = gup::find_get_user_page<gup::dma_access::read>(names, 1);
                auto own = gup::get_user_page(pool);
                gup::put_user_page(std::move(own), gup::clean);
                gup::put_user_page(*std::move(named));
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(pool.stats().free == 63);
    CHECK(names.remove(1));
    CHECK(pool.stats().free == 64);
}
