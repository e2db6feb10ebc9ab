// SPDX-License-Identifier: BSL-1.0
// Random ranges, allocations and frees, and one narrowing, compared step by step with one flag for each
// granule.
#include "gup/detail/iova/iova_space.hpp"

#include "gup_test/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <rapidcheck.h>
#include <tuple>
#include <vector>

using gup::detail::iova_range;
using gup::detail::iova_space;

namespace {

constexpr std::uint64_t granule = 4096;
constexpr std::uint64_t part = granule / 4; // the ends of ranges lie at multiples
constexpr std::size_t granules = 256;
constexpr std::size_t most_ranges = 8; // more would nearly always cover the whole window
constexpr std::uint64_t window = granules * granule;

using end_numbers = std::tuple<unsigned, unsigned>;
using numbers = std::tuple<unsigned, unsigned, unsigned>;

/// Ranges in the window of addresses from `base`.
std::vector<iova_range> ranges_from(std::uint64_t base, const std::vector<end_numbers>& ends) {
    std::vector<iova_range> ranges;
    for (const auto& [where, length] : ends) {
        if (ranges.size() == most_ranges) break;
        const std::uint64_t first = where % (window / part) * part;
        const std::uint64_t most = window - first;
        ranges.push_back({base + first, base + first + std::min(most, (length % 512 + 1) * part) - 1});
    }
    return ranges;
}

/// Is every address of the granule from `first` on in one of the ranges?
bool covered(std::uint64_t first, const std::vector<iova_range>& ranges) {
    for (std::uint64_t offset = 0; offset < granule; offset += part) {
        const std::uint64_t at = first + offset;
        if (std::ranges::none_of(ranges, [&](iova_range r) { return r.first <= at && at <= r.last; }))
            return false;
    }
    return true;
}

class comparison {
public:
    comparison(std::uint64_t base, unsigned address_bits, const std::vector<iova_range>& ranges)
        : base_(base), space_(ranges, address_bits, granule) {
        for (std::size_t g = 0; g < granules; ++g) {
            const std::uint64_t first = base + g * granule;
            const bool in_width = address_bits >= 64 || (first + granule - 1) >> address_bits == 0;
            free_[g] = first != 0 && in_width && covered(first, ranges);
        }
        usable_ = free_;
    }

    void step(unsigned what, unsigned which, unsigned how) {
        switch (what % 8) {
        case 0:
            while (allocate(1, 1)) {
            }
            return;
        case 1:
            for (std::size_t i = which % 2; i < live_.size(); ++i) give_back(i);
            return;
        case 2:
        case 3:
            if (!live_.empty()) give_back(which % live_.size());
            return;
        case 4:
            allocate(std::size_t{1} << which % 8, std::size_t{1} << which % 8);
            return;
        case 5:
            allocate(which % 16 + 1, 1);
            return;
        default:
            allocate(which % (1U << how % 8) + 1, std::size_t{1} << how / 8 % 7);
        }
    }

    void narrow(const std::vector<iova_range>& ranges) {
        space_.narrow(ranges, granule);
        for (std::size_t g = 0; g < granules; ++g)
            if (free_[g] && !covered(base_ + g * granule, ranges)) free_[g] = usable_[g] = false;
    }

    void check() const {
        std::uint64_t run = 0;
        std::uint64_t longest = 0;
        for (const bool is_free : free_) {
            run = is_free ? run + granule : 0;
            longest = std::max(longest, run);
        }
        RC_ASSERT(space_.largest() == longest);
        RC_ASSERT(space_.available() ==
                  granule * static_cast<std::uint64_t>(std::ranges::count(free_, true)));
    }

    void finish() {
        while (!live_.empty()) give_back(0);
        RC_ASSERT(free_ == usable_);
    }

private:
    struct allocation {
        std::size_t place;
        std::size_t count;
    };

    bool all_free(std::size_t place, std::size_t count) const {
        if (place + count > granules) return false;
        const auto from = free_.begin() + static_cast<std::ptrdiff_t>(place);
        return std::all_of(from, from + static_cast<std::ptrdiff_t>(count), [](bool f) { return f; });
    }

    /// Multiples of granules; the window lies at a multiple of every alignment asked for.
    bool allocate(std::size_t count, std::size_t alignment) {
        bool possible = false;
        for (std::size_t place = 0; place < granules; place += alignment)
            possible = possible || all_free(place, count);

        const std::optional<std::uint64_t> iova = space_.allocate(count * granule, alignment * granule);
        RC_ASSERT(iova.has_value() == possible);
        if (!iova) return false;
        RC_ASSERT(*iova % (alignment * granule) == 0U);
        RC_ASSERT(*iova >= base_);
        const std::size_t place = (*iova - base_) / granule;
        RC_ASSERT(all_free(place, count));
        std::fill_n(free_.begin() + static_cast<std::ptrdiff_t>(place), count, false);
        live_.push_back({place, count});
        return true;
    }

    void give_back(std::size_t i) {
        const allocation given = live_[i];
        live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(i));
        space_.free(base_ + given.place * granule, given.count * granule);
        std::fill_n(free_.begin() + static_cast<std::ptrdiff_t>(given.place), given.count, true);
    }

    std::uint64_t base_;
    iova_space space_;
    std::array<bool, granules> free_{};
    std::array<bool, granules> usable_{};
    std::vector<allocation> live_{};
};

/// In the window from `base`, for a device with so many address bits.
bool agrees_with_the_model(std::uint64_t base, unsigned address_bits) {
    return rc::check("a space against flags",
                     [=](const std::vector<end_numbers>& ends, const std::vector<numbers>& steps,
                         const std::vector<end_numbers>& later) {
                         comparison both(base, address_bits, ranges_from(base, ends));
                         both.check();
                         std::size_t done = 0;
                         for (const auto& [what, which, how] : steps) {
                             if (done++ == steps.size() / 2) both.narrow(ranges_from(base, later));
                             both.step(what, which, how);
                             both.check();
                         }
                         both.finish();
                         both.check();
                     });
}

} // namespace

TEST_CASE("an IOVA space agrees with a flag for each granule") {
    CHECK(agrees_with_the_model(0, 64));
    CHECK(agrees_with_the_model(0, 19)); // the lower half of the window
    CHECK(agrees_with_the_model(std::uint64_t{1} << 32, 64));
    CHECK(agrees_with_the_model(0 - window, 64));
}
