// SPDX-License-Identifier: BSL-1.0
// The I/O address of a pinned page from its reference, and of any byte from a pointer, whatever is mapped.
#include "gup/iova.hpp"
#include "gup/page_pool.hpp"
#include "support/no_device.hpp"
#include "support/pair.hpp"
#include "support/report.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace {

using gup_bench::no_device_domain;

const bool iova_of_page = gup_bench::compare(
    501,
    {.name = "iova_of_page",
     .reference = "the zone's arithmetic by hand, plus the bias loaded through the zone's registration",
     .unit = "ns per page",
     .target = 1.2},
    [](gup_bench::measurement& m) {
        constexpr std::size_t pages = 1024;
        constexpr std::size_t rounds = 64;
        gup::page_pool<no_device_domain> pool(gup_bench::make_no_device_domain(),
                                              {.pages = pages, .memory = gup::memory_kind::small_pages});
        const auto held = gup::get_user_pages(pool, pages);
        std::vector<const gup::page*> descriptors;
        for (const auto& ref : held) descriptors.push_back(pool.find(ref.bytes().data()));

        const auto by_hand = [](const gup::page* p) {
            const gup::zone& z = gup::zone::of(p);
            return reinterpret_cast<std::uintptr_t>(z.address_of(p)) +
                   gup::detail::iova_access::bias(gup::detail::mark_access::of<gup::detail::iova_mark>(
                       gup::detail::zone_access::registration<no_device_domain::registration>(z)));
        };
        const auto sum = [](const auto& all, auto&& iova) {
            for (std::size_t round = 0; round < rounds; ++round) {
                for (const auto& one : all) {
                    std::uint64_t address = iova(one);
                    benchmark::DoNotOptimize(address);
                }
            }
        };
        m.batches(
            rounds * pages, [&] { sum(held, [](const auto& ref) { return gup::iova(ref); }); },
            [&] { sum(descriptors, by_hand); });
    });

/// Memory that nobody touches, in mappings of one size.
class mapped_memory {
public:
    static constexpr std::uintptr_t start = std::uintptr_t{1} << 44;
    static constexpr std::size_t bytes = std::size_t{256} << 20;

    explicit mapped_memory(std::size_t mappings) {
        const std::size_t size = bytes / mappings;
        for (std::size_t i = 0; i < mappings; ++i)
            pinned_.push_back(domain_.pin({reinterpret_cast<const std::byte*>(start + i * size), size},
                                          gup::dma_access::read_write));
    }

    /// A throughput, as of a driver that fills its queue.
    void look_up(std::span<const std::uintptr_t> addresses) const {
        for (const std::uintptr_t at : addresses) {
            std::uint64_t iova = *domain_.find_iova(reinterpret_cast<const void*>(at));
            benchmark::DoNotOptimize(iova);
        }
    }

    /// A latency: each address depends on what was found before.
    void look_up_in_turn(std::span<const std::uintptr_t> addresses) const {
        std::uintptr_t zero = 0;
        asm volatile("" : "+r"(zero)); // hides from the compiler that this is zero
        std::uint64_t found = 0;
        for (const std::uintptr_t at : addresses)
            found = *domain_.find_iova(reinterpret_cast<const void*>(at + (found & zero)));
        benchmark::DoNotOptimize(found);
    }

private:
    no_device_domain domain_ = gup_bench::make_no_device_domain();
    std::vector<no_device_domain::registration> pinned_;
};

/// Bytes anywhere in the first part of the memory.
std::vector<std::uintptr_t> addresses_within(std::size_t bytes) {
    std::mt19937_64 random(1); // NOLINT: the same every time
    std::vector<std::uintptr_t> all(65536);
    for (std::uintptr_t& at : all) at = mapped_memory::start + random() % bytes;
    return all;
}

/// What user-space drivers look addresses up in: a table of GiB, each of 512 translations of 2 MiB. No two
/// mappings share 2 MiB in it, and none ends within.
class two_level_table {
public:
    two_level_table() {
        for (std::size_t at = 0; at < mapped_memory::bytes; at += unit) {
            const std::uintptr_t address = mapped_memory::start + at;
            auto& units = gibs_[address >> gib_bits];
            if (units == nullptr) units = std::make_unique<gib>();
            units->translations[address >> unit_bits & (units_of_gib - 1)] = first_iova + at;
        }
    }
    std::uint64_t find(std::uintptr_t address) const {
        if (address >> address_bits != 0) return 0;
        const auto& units = gibs_[address >> gib_bits];
        if (units == nullptr) return 0;
        return units->translations[address >> unit_bits & (units_of_gib - 1)] + (address & (unit - 1));
    }
    void look_up_in_turn(std::span<const std::uintptr_t> addresses) const {
        std::uintptr_t zero = 0;
        asm volatile("" : "+r"(zero));
        std::uint64_t found = 0;
        for (const std::uintptr_t at : addresses) found = find(at + (found & zero));
        benchmark::DoNotOptimize(found);
    }

private:
    static constexpr unsigned address_bits = 48, gib_bits = 30, unit_bits = 21;
    static constexpr std::size_t unit = std::size_t{1} << unit_bits;
    static constexpr std::size_t units_of_gib = std::size_t{1} << (gib_bits - unit_bits);
    static constexpr std::uint64_t first_iova = std::uint64_t{1} << 36;

    struct gib {
        std::array<std::uint64_t, units_of_gib> translations{};
    };
    std::vector<std::unique_ptr<gib>> gibs_{std::size_t{1} << (address_bits - gib_bits)};
};

using look_up_function = void (mapped_memory::*)(std::span<const std::uintptr_t>) const;

/// The same addresses of the same memory, in 1, 4096 and 65536 mappings: the slowest against the fastest.
void compare_numbers_of_mappings(gup_bench::measurement& m, std::size_t bytes, look_up_function look_up) {
    const mapped_memory one(1), some(4096), many(65536);
    const std::vector<std::uintptr_t> addresses = addresses_within(bytes);
    const auto median = [&](const mapped_memory* memory) {
        std::vector<double> taken;
        for (int i = 0; i < 21; ++i)
            taken.push_back(gup_bench::seconds([&] { (memory->*look_up)(addresses); }));
        return gup_bench::quantile(taken, 0.5);
    };
    std::vector<std::pair<double, const mapped_memory*>> by_cost;
    for (const mapped_memory* memory : {&one, &some, &many}) by_cost.emplace_back(median(memory), memory);
    std::ranges::sort(by_cost);
    m.batches(
        addresses.size(), [&] { (by_cost.back().second->*look_up)(addresses); },
        [&] { (by_cost.front().second->*look_up)(addresses); });
}

const bool iova_lookup = gup_bench::compare(
    101,
    {.name = "iova_lookup",
     .reference = "the slowest of 1, 4096 and 65536 mappings of 256 MiB against the fastest",
     .unit = "ns per look-up",
     .target = 1.5},
    [](gup_bench::measurement& m) {
        compare_numbers_of_mappings(m, mapped_memory::bytes, &mapped_memory::look_up);
    });

const bool iova_lookup_in_turn = gup_bench::compare(
    101,
    {.name = "iova_lookup_in_turn",
     .reference = "as iova_lookup, each look-up waiting for the one before",
     .unit = "ns per look-up",
     .target = {}},
    [](gup_bench::measurement& m) {
        compare_numbers_of_mappings(m, mapped_memory::bytes, &mapped_memory::look_up_in_turn);
    });

/// Of 1 and 4096 mappings of 256 MiB the slower, against the table.
void compare_with_table(gup_bench::measurement& m) {
    const mapped_memory one(1), some(4096);
    const two_level_table table;
    const std::vector<std::uintptr_t> addresses = addresses_within(mapped_memory::bytes);
    const auto median = [&](const mapped_memory& memory) {
        std::vector<double> taken;
        for (int i = 0; i < 21; ++i)
            taken.push_back(gup_bench::seconds([&] { memory.look_up_in_turn(addresses); }));
        return gup_bench::quantile(taken, 0.5);
    };
    const mapped_memory& slower = median(one) > median(some) ? one : some;
    m.batches(
        addresses.size(), [&] { slower.look_up_in_turn(addresses); },
        [&] { table.look_up_in_turn(addresses); });
}

const bool find_iova_vs_table = gup_bench::compare(
    101,
    {.name = "find_iova_vs_table",
     .reference = "a two-level table of 2 MiB translations by hand; the slower of 1 and 4096 mappings, each "
                  "look-up waiting for the one before",
     .unit = "ns per look-up",
     .target = 1.3},
    [](gup_bench::measurement& m) { compare_with_table(m); });

const bool iova_lookup_hot = gup_bench::compare(
    101,
    {.name = "iova_lookup_hot",
     .reference = "as iova_lookup_in_turn, all addresses in the same 4 KiB",
     .unit = "ns per look-up",
     .target = {}},
    [](gup_bench::measurement& m) { compare_numbers_of_mappings(m, 4096, &mapped_memory::look_up_in_turn); });

} // namespace
