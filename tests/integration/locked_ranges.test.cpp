// SPDX-License-Identifier: BSL-1.0
// What the counts of pins keep for the next ones does not grow with those that are over.
#include "gup/detail/mlock/locked_ranges.hpp"

#include "gup_test/failing_allocations.hpp"
#include "gup_test/whole_pins.hpp"

#include <cstdint>
#include <vector>

namespace {

using gup::detail::page_range;
using gup_test::whole_pins;

constexpr page_range pages(std::uintptr_t first, std::uintptr_t end) { return {first * 4096, end * 4096}; }

/// Pins of every kind, beside and in each other, some with a state for each page.
void pin_and_release(whole_pins& ranges) {
    const auto add = [&](std::uintptr_t first, std::uintptr_t end) {
        std::vector<gup::detail::lock_piece> pieces;
        for (const auto& gap : ranges.gaps(pages(first, end), false))
            for (std::uintptr_t n = gap.pages.begin / 4096; n < gap.pages.end / 4096; ++n)
                pieces.push_back(
                    {pages(n, n + 1), {.held = n % 2 == 0, .foreign = false, .on_fault = false}});
        ranges.add(pages(first, end), pieces, false, pieces.size());
    };
    std::size_t held = 0;
    add(10, 60);
    add(60, 90); // touches
    CHECK(ranges.add_nested(pages(20, 70), false, held));
    CHECK(ranges.add_nested(pages(30, 31), false, held));
    ranges.release(pages(10, 60));
    add(10, 30); // half of it is there
    for (const page_range range : {pages(30, 31), pages(60, 90), pages(10, 30), pages(20, 70)})
        ranges.release(range);
}

} // namespace

TEST_CASE("The counts of pins need no more memory after many pins than after one, and little without any") {
    const long without = gup_test::allocations::alive;
    whole_pins ranges;
    pin_and_release(ranges);
    const long once = gup_test::allocations::alive;
    for (int i = 0; i < 100; ++i) pin_and_release(ranges);
    const long often = gup_test::allocations::alive;
    CHECK(often == once);
    CHECK(once - without <= 64); // for the next nested pins
}
