// SPDX-License-Identifier: BSL-1.0
// What a pool costs beside its pages: counted where it comes from, from mmap and from the heap.
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"
#include "support/pair.hpp"

#include <cstddef>
#include <cstdint>
#include <malloc.h>
#include <thread>

namespace {

constexpr std::size_t pages = 65536;
constexpr std::size_t page_bytes = 4096;

/// The real kernel; adds up what is mapped.
struct mapping_kernel : gup::system_kernel {
    static inline std::size_t mapped = 0;

    static std::size_t whole_pages(std::size_t bytes) noexcept {
        return (bytes + page_bytes - 1) & ~(page_bytes - 1);
    }
    static std::intptr_t mmap(std::size_t bytes, int protection, int flags, int fd) noexcept {
        mapped += whole_pages(bytes);
        return gup::system_kernel::mmap(bytes, protection, flags, fd);
    }
    static int munmap(void* address, std::size_t bytes) noexcept {
        mapped -= whole_pages(bytes);
        return gup::system_kernel::munmap(address, bytes);
    }
    static int mlock(const void*, std::size_t) noexcept {
        return 0;
    } // 256 MiB are not locked to count descriptors
    static int munlock(const void*, std::size_t) noexcept { return 0; }
};

const bool memory_overhead = gup_bench::compare(
    {.name = "memory_overhead",
     .reference = "the memory of a pool of 65536 pages, all of them used, by two threads",
     .unit = "bytes per page",
     .target = 0.005},
    [] {
        using domain_type = gup::basic_mlock_domain<mapping_kernel>;
        const std::size_t heap_before = ::mallinfo2().uordblks;
        gup::page_pool<domain_type> pool(domain_type{},
                                         {.pages = pages, .memory = gup::memory_kind::small_pages});
        const auto use_all = [&] {
            auto refs = gup::get_user_pages(pool, pages);
            gup::put_user_pages(std::move(refs), gup::clean);
        };
        std::size_t bytes = 0;
        use_all();
        std::thread([&] {
            use_all();
            bytes = mapping_kernel::mapped - pages * page_bytes + (::mallinfo2().uordblks - heap_before);
        }).join();
        return gup_bench::pair{static_cast<double>(bytes) / pages, page_bytes};
    });

} // namespace
