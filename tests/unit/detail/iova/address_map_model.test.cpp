// SPDX-License-Identifier: BSL-1.0
// Random mappings that come, overlap and go, compared step by step with a list of them.
#include "gup/detail/iova/address_map.hpp"

#include "gup_test/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <rapidcheck.h>
#include <tuple>
#include <vector>

using gup::detail::address_map;
using gup::detail::mapped_range;

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr std::uint64_t base = (std::uint64_t{1} << 39) - 4 * gib; // the largest border lies in the middle

/// Around the borders of units of all sizes, where mappings begin and end.
std::uint64_t place(unsigned number) {
    constexpr std::array<std::uint64_t, 3> units{4 * gib, gib, 2 * mib};
    std::uint64_t at = base;
    for (const std::uint64_t unit : units) {
        at += number % 2 * unit;
        number /= 2;
    }
    return at + number % 8 * page;
}

class comparison {
public:
    /// Some pages, or up to another place.
    void set(unsigned where, unsigned length) {
        const std::uint64_t one = place(where);
        const std::uint64_t other = length % 4 == 0 ? place(length / 4) : one + (1 + length / 4 % 8) * page;
        const auto [first, end] = std::minmax({one, other});
        set({first, std::max(end, first + page) - 1, ++biases_ * page});
    }
    /// All pages of 2 MiB that have no mapping, one by one and with one bias: the unit shows what they have.
    void fill(unsigned where) {
        const std::uint64_t unit = place(where) / (2 * mib) * (2 * mib);
        ++biases_;
        for (std::uint64_t at = unit; at < unit + 2 * mib; at += page)
            if (!map_->find(at)) set({at, at + page - 1, biases_ * page});
    }
    void set(const mapped_range& added) {
        map_->reserve(added.first, added.last, live_.size() + 1);
        check(added); // nothing has changed
        map_->set(added);
        live_.push_back(added);
        check(added);
    }
    void clear(std::size_t which) {
        if (live_.empty()) return;
        const auto chosen = live_.begin() + static_cast<std::ptrdiff_t>(which % live_.size());
        const mapped_range removed = *chosen;
        live_.erase(chosen);
        map_->clear(removed);
        check(removed);
    }

private:
    /// At all ends, from both sides.
    void check(const mapped_range& changed) const {
        check_ends(changed);
        if (live_.size() < 64) // of the pages of a filled unit not each after each
            for (const mapped_range& m : live_) check_ends(m);
        else
            check_ends(live_[biases_ % live_.size()]);
    }
    void check_ends(const mapped_range& m) const {
        for (const std::uint64_t at :
             {m.first - 1, m.first, m.first + (m.last - m.first) / 2, m.last, m.last + 1})
            check_address(at);
    }
    void check_address(std::uint64_t at) const {
        const auto maps = [&](const mapped_range& m) { return m.first <= at && at <= m.last; };
        const std::optional<std::uint64_t> found = map_->find(at);
        RC_ASSERT(found.has_value() == std::ranges::any_of(live_, maps));
        if (found)
            RC_ASSERT(std::ranges::any_of(
                live_, [&](const mapped_range& m) { return maps(m) && m.bias == *found; }));
    }

    std::unique_ptr<address_map> map_ = std::make_unique<address_map>();
    std::vector<mapped_range> live_{};
    std::uint64_t biases_ = 0;
};

} // namespace

TEST_CASE("an address map finds a mapping where the list has one, and none where it has none") {
    const bool holds = rc::check([](const std::vector<std::tuple<unsigned, unsigned, unsigned>>& steps) {
        comparison both;
        for (const auto& [what, one, other] : steps)
            if (what % 16 == 0)
                both.fill(one);
            else if (what % 2 != 0)
                both.set(one, other);
            else
                both.clear(one);
    });
    CHECK(holds);
}
