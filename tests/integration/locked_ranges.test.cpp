// SPDX-License-Identifier: BSL-1.0
// What the counts of pins keep for the next ones does not grow with those that are over.
#include "gup/detail/mlock/locked_ranges.hpp"

#include "gup_test/failing_allocations.hpp"

#include <cstdint>
#include <vector>

namespace {

using gup::detail::locked_ranges;
using gup::detail::page_range;

constexpr page_range pages(std::uintptr_t first, std::uintptr_t end) { return {first * 4096, end * 4096}; }

/// Pins of every kind, beside and in each other, some with a state for each page.
void pin_and_release(locked_ranges& ranges) {
    const auto release = [&](page_range range) {
        if (!ranges.remove_nested(range)) ranges.recycle(ranges.remove(range));
    };
    const auto add = [&](std::uintptr_t first, std::uintptr_t end) {
        std::vector<gup::detail::lock_piece> pieces;
        std::vector<gup::detail::lock_gap> gaps;
        ranges.find_gaps(pages(first, end), false, gaps);
        for (const auto& gap : gaps)
            for (std::uintptr_t n = gap.pages.begin / 4096; n < gap.pages.end / 4096; ++n)
                pieces.push_back(
                    {pages(n, n + 1), {.held = n % 2 == 0, .foreign = false, .on_fault = false}});
        ranges.promise(2 * pieces.size());
        ranges.add(pages(first, end), pieces, false);
        ranges.withdraw();
    };
    std::size_t held = 0;
    add(10, 60);
    add(60, 90); // touches
    CHECK(ranges.add_nested(pages(20, 70), false, held));
    CHECK(ranges.add_nested(pages(30, 31), false, held));
    release(pages(10, 60));
    add(10, 30); // half of it is there
    for (const page_range range : {pages(30, 31), pages(60, 90), pages(10, 30), pages(20, 70)})
        release(range);
}

} // namespace

TEST_CASE("The counts of pins need no more memory after many pins than after one, and little without any") {
    const long without = gup_test::allocations::alive;
    locked_ranges ranges;
    pin_and_release(ranges);
    const long once = gup_test::allocations::alive;
    for (int i = 0; i < 100; ++i) pin_and_release(ranges);
    const long often = gup_test::allocations::alive;
    CHECK(often == once);
    CHECK(once - without <= 64); // for the next nested pins
}
