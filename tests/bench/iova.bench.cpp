// SPDX-License-Identifier: BSL-1.0
// I/O virtual addresses: a range freed and another one allocated, among 65536 of many sizes that have
// fragmented the space; and memory unmapped that is mapped twice.
#include "gup/detail/iova/address_map.hpp"
#include "gup/detail/iova/iova_space.hpp"
#include "support/pair.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace {

using gup::detail::iova_range;
using gup::detail::iova_space;

constexpr std::size_t live_ranges = 65536;
constexpr std::uint64_t granule = 4096;
constexpr unsigned powers = 10; // of two, from a granule to 2 MiB
constexpr std::uint64_t most_bytes = granule << (powers - 1);

/// What VFIO reports on a PC.
constexpr iova_range usable[]{{0, 0xfedf'ffff}, {0xfef0'0000, 0x7f'ffff'ffff}};

/// The free extents by address, and the first one that has room.
class first_fit {
public:
    explicit first_fit(std::span<const iova_range> ranges) {
        for (const auto& [first, last] : ranges) free_[first == 0 ? granule : first] = last;
    }
    std::optional<std::uint64_t> allocate(std::uint64_t bytes, std::uint64_t alignment) {
        for (auto extent = free_.begin(); extent != free_.end(); ++extent) {
            const auto [first, last] = *extent;
            const std::uint64_t iova = (first + alignment - 1) & ~(alignment - 1);
            if (iova > last || last - iova < bytes - 1) continue;
            take(extent, {iova, iova + (bytes - 1)});
            return iova;
        }
        return std::nullopt;
    }
    void allocate_at(iova_range range) { take(std::prev(free_.upper_bound(range.first)), range); }
    void free(std::uint64_t iova, std::uint64_t bytes) {
        std::uint64_t last = iova + (bytes - 1);
        auto after = free_.lower_bound(iova);
        if (after != free_.end() && after->first - 1 == last) {
            last = after->second;
            after = free_.erase(after);
        }
        if (after != free_.begin() && std::prev(after)->second + 1 == iova)
            std::prev(after)->second = last;
        else
            free_.emplace_hint(after, iova, last);
    }

private:
    using extents = std::map<std::uint64_t, std::uint64_t>;

    void take(extents::iterator extent, iova_range range) {
        const auto [first, last] = *extent;
        if (range.last != last) free_.emplace_hint(std::next(extent), range.last + 1, last);
        if (range.first == first)
            free_.erase(extent);
        else
            extent->second = range.first - 1;
    }

    extents free_;
};

struct request {
    std::size_t replaced; ///< which live range is freed before
    std::uint64_t bytes;
};

/// From a granule to 2 MiB: each power of two is as likely, and so are the sizes up to the next one.
class requests {
public:
    std::vector<request> next(std::size_t count) {
        std::vector<request> all;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t least = granule << random_() % powers;
            const std::uint64_t bytes = least + random_() % (least / granule) * granule;
            all.push_back({random_() % live_ranges, std::min(bytes, most_bytes)});
        }
        return all;
    }

private:
    std::mt19937_64 random_{1}; // NOLINT: the same every time
};

/// Aligned as the kernel's own allocator aligns: to the size, rounded up to a power of two.
template <class Space>
iova_range allocated(Space& space, std::uint64_t bytes) {
    const std::optional<std::uint64_t> iova = space.allocate(bytes, std::bit_ceil(bytes));
    return {iova.value(), *iova + (bytes - 1)};
}

template <class Space>
void replace(Space& space, std::vector<iova_range>& live, const std::vector<request>& asked) {
    for (const auto& [replaced, bytes] : asked) {
        iova_range& range = live[replaced];
        space.free(range.first, range.last - range.first + 1);
        range = allocated(space, bytes);
    }
}

const bool iova_alloc =
    gup_bench::compare(101,
                       {.name = "iova_alloc",
                        .reference = "first fit in a std::map of the free extents",
                        .unit = "ns per free and allocate",
                        .target = 0.5},
                       [](gup_bench::measurement& m) {
                           iova_space space(usable, 64, granule);
                           requests to_come;
                           std::vector<iova_range> live;
                           for (const request& r : to_come.next(live_ranges))
                               live.push_back(allocated(space, r.bytes));
                           replace(space, live, to_come.next(8 * live_ranges));

                           // The map begins where gup is: to come there by itself would take it minutes.
                           first_fit map(usable);
                           for (const iova_range& range : live) map.allocate_at(range);
                           std::vector<iova_range> live_in_map = live;
                           requests to_come_for_map = to_come;

                           constexpr std::size_t replacements = 100;
                           const auto batch = [](auto& in, auto& ranges, requests& from) {
                               const std::vector<request> asked = from.next(replacements);
                               return gup_bench::seconds([&] { replace(in, ranges, asked); });
                           };
                           m.costs(
                               1e9 / replacements, [&] { return batch(space, live, to_come); },
                               [&] { return batch(map, live_in_map, to_come_for_map); });
                       });

/// Pages with a page between them, each of which is mapped twice.
class mapped_twice {
public:
    explicit mapped_twice(std::size_t mappings) {
        for (std::size_t n = 0; n < mappings; ++n) {
            const std::uint64_t first = 0x7f00'0000'0000 + n / 2 * 2 * granule;
            mappings_.push_back({first, first + granule - 1, n * granule});
        }
        for (const auto& mapping : mappings_) map(mapping);
    }
    /// Seconds that it takes to unmap so many pages, of the older mapping first; then they are mapped again.
    double unmap(std::size_t pages) {
        chosen_.clear();
        for (std::size_t i = 0; i < pages; ++i)
            chosen_.push_back((next_ += 7919) % (mappings_.size() / 2)); // a prime: no page twice
        const double taken = gup_bench::seconds([&] {
            for (const std::size_t page : chosen_)
                for (const std::size_t n : {2 * page, 2 * page + 1}) map_.clear(mappings_[n]);
        });
        for (const std::size_t page : chosen_)
            for (const std::size_t n : {2 * page, 2 * page + 1}) map(mappings_[n]);
        return taken;
    }

private:
    void map(const gup::detail::mapped_range& mapping) {
        map_.reserve(mapping.first, mapping.last, mappings_.size());
        map_.set(mapping);
    }

    gup::detail::address_map map_{};
    std::vector<gup::detail::mapped_range> mappings_{};
    std::vector<std::size_t> chosen_{};
    std::size_t next_ = 0;
};

const bool unmap_twice = gup_bench::compare(101,
                                            {.name = "unmap_twice_64k",
                                             .reference = "the same with a hundredth of the mappings",
                                             .unit = "ns per mapping",
                                             .target = 3},
                                            [](gup_bench::measurement& m) {
                                                constexpr std::size_t pages = 300;
                                                mapped_twice many(65534);
                                                mapped_twice few(654);
                                                m.costs(
                                                    1e9 / (2 * pages), [&] { return many.unmap(pages); },
                                                    [&] { return few.unmap(pages); });
                                            });

} // namespace
