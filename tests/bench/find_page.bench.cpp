// SPDX-License-Identifier: BSL-1.0
// From an interior address to the page of a known pool, as a latency: each address depends on the page found
// before.
#include "support/pair.hpp"
#include "support/pools.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

constexpr std::size_t pages = 1024;
constexpr std::size_t operations = 65536;

/// Hides from the compiler that this is zero, so that what it is multiplied into stays a dependence.
std::uintptr_t hidden_zero() {
    std::uintptr_t zero = 0;
    asm volatile("" : "+r"(zero));
    return zero;
}

const bool find_page = gup_bench::compare(
    501,
    {.name = "find_page",
     .reference = "one dependent load from the first-level cache, the same and and add behind each",
     .unit = "ns per look-up",
     .target = 1.3},
    [](gup_bench::measurement& m) {
        gup_bench::shared_pool pool(pages);
        const std::uintptr_t zero = hidden_zero();
        const auto held = gup::get_user_page(pool);
        const std::byte* const start = held.bytes().data();
        const void* self = &self; // the load finds its own address

        m.batches(
            operations,
            [&, zero] {
                const std::byte* address = start + 1234;
                for (std::size_t i = 0; i < operations; ++i)
                    address += reinterpret_cast<std::uintptr_t>(pool.find(address)) & zero;
                benchmark::DoNotOptimize(address);
            },
            [&, zero] {
                const void* volatile* at = const_cast<const void* volatile*>(&self);
                for (std::size_t i = 0; i < operations; ++i)
                    at += reinterpret_cast<std::uintptr_t>(*at) & zero;
                benchmark::DoNotOptimize(at);
            });
    });

} // namespace
