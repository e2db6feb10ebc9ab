// SPDX-License-Identifier: BSL-1.0
// A second pin of a page that is locked already, in the middle of a large mapping.
#include "gup/domain/mlock.hpp"
#include "support/pair.hpp"

#include <cstddef>
#include <span>
#include <sys/mman.h>

namespace {

constexpr std::size_t mapping_bytes = std::size_t{64} << 20;
constexpr std::size_t page_bytes = 4096;

const bool nested_mlock = gup_bench::compare(
    301,
    {.name = "nested_mlock",
     .reference = "mlock and munlock of one page of the same 64 MiB mapping",
     .unit = "ns per pin and unpin",
     .target = 0.005},
    [](gup_bench::measurement& m) {
        void* const mapping = ::mmap(nullptr, mapping_bytes, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (mapping == MAP_FAILED) return m.skip("no memory for a mapping of 64 MiB");
        auto* const bytes = static_cast<std::byte*>(mapping);
        const std::span<const std::byte> page(bytes + mapping_bytes / 2, page_bytes);
        void* const other = bytes + mapping_bytes / 4;

        gup::mlock_domain domain;
        gup::pin_failure failure;
        if (const auto first = domain.try_pin(page, gup::dma_access::read, failure); !first) {
            m.skip(failure.message());
        } else {
            // both sides in nanoseconds; one of the raw side takes as long as hundreds of the nested one
            constexpr std::size_t nested = 2000;
            constexpr std::size_t raw = 50;
            m.costs(
                1,
                [&] {
                    return 1e9 / nested * gup_bench::seconds([&] {
                               for (std::size_t i = 0; i < nested; ++i) {
                                   const auto second = domain.pin(page);
                                   benchmark::ClobberMemory();
                               }
                           });
                },
                [&] {
                    return 1e9 / raw * gup_bench::seconds([&] {
                               for (std::size_t i = 0; i < raw; ++i) {
                                   ::mlock(other, page_bytes);
                                   ::munlock(other, page_bytes);
                               }
                           });
                });
        }
        ::munmap(mapping, mapping_bytes);
    });

} // namespace
