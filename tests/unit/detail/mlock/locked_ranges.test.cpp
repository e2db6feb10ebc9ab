// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/mlock/locked_ranges.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/whole_pins.hpp"

#include <rapidcheck.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using gup::detail::lock_gap;
using gup::detail::lock_piece;
using gup::detail::lock_state;
using gup::detail::page_range;
using gup_test::whole_pins;

namespace {

constexpr std::uintptr_t page = 4096;
constexpr lock_state ordinary{.held = true, .foreign = false, .on_fault = false};

constexpr page_range pages(std::uintptr_t first, std::uintptr_t end) { return {first * page, end * page}; }

/// Pins what has no gaps of another kind than ordinary memory.
std::size_t pin(whole_pins& ranges, page_range range) {
    std::vector<lock_piece> pieces;
    for (const lock_gap& gap : ranges.gaps(range, false)) pieces.push_back({gap.pages, ordinary});
    return ranges.add(range, pieces, false);
}

/// The runs whose last pin ended, as [first page, end page).
std::vector<std::pair<std::uintptr_t, std::uintptr_t>> unpin(whole_pins& ranges, page_range range) {
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> released;
    for (const page_range run : ranges.release(range))
        released.emplace_back(run.begin / page, run.end / page);
    return released;
}

/// Pins memory that changes its state with every page; the first is locked.
void pin_alternating(whole_pins& ranges, std::uintptr_t first, std::uintptr_t end) {
    std::vector<lock_piece> pieces;
    for (std::uintptr_t n = first; n < end; ++n)
        pieces.push_back(
            {pages(n, n + 1), {.held = (n - first) % 2 == 0, .foreign = false, .on_fault = false}});
    ranges.add(pages(first, end), pieces, false);
}

using runs = std::vector<std::pair<std::uintptr_t, std::uintptr_t>>;

} // namespace

TEST_CASE("A page pinned twice is released by the second release") {
    whole_pins ranges;
    pin(ranges, pages(10, 20));
    pin(ranges, pages(15, 25));

    CHECK(unpin(ranges, pages(10, 20)) == runs{{10, 15}});
    CHECK(ranges.ranges.locked_bytes() == 10 * page);
    CHECK(unpin(ranges, pages(15, 25)) == runs{{15, 25}});
    CHECK(ranges.ranges.size() == 0);
}

TEST_CASE("Neighbours with the same count are one range") {
    whole_pins ranges;
    pin(ranges, pages(10, 20));
    pin(ranges, pages(20, 30));
    CHECK(ranges.ranges.size() == 1);

    CHECK(unpin(ranges, pages(10, 20)) == runs{{10, 20}});
    CHECK(ranges.ranges.size() == 1);
    CHECK(unpin(ranges, pages(20, 30)) == runs{{20, 30}});
}

TEST_CASE("A nested pin outlives the pin around it") {
    whole_pins ranges;
    std::size_t held = 0;
    pin(ranges, pages(10, 30));
    REQUIRE(ranges.add_nested(pages(15, 16), false, held));
    CHECK(held == page);
    REQUIRE(ranges.add_nested(pages(15, 18), false, held));
    CHECK(held == 3 * page);

    CHECK(unpin(ranges, pages(10, 30)) == runs{{10, 15}, {18, 30}});
    CHECK(unpin(ranges, pages(15, 16)) == runs{});
    CHECK(unpin(ranges, pages(15, 18)) == runs{{15, 18}});
}

TEST_CASE("A pin is nested only if every page is pinned, and populated if it wants that") {
    whole_pins ranges;
    std::size_t held = 0;
    CHECK_FALSE(ranges.add_nested(pages(10, 11), false, held));
    ranges.add(pages(10, 20), {{pages(10, 20), {.held = true, .foreign = false, .on_fault = true}}}, true);

    CHECK_FALSE(ranges.add_nested(pages(9, 11), true, held));
    CHECK_FALSE(ranges.add_nested(pages(19, 21), true, held));
    CHECK_FALSE(ranges.add_nested(pages(12, 13), false, held));
    CHECK(ranges.add_nested(pages(12, 13), true, held));

    const auto gaps = ranges.gaps(pages(8, 13), false);
    REQUIRE(gaps.size() == 2);
    CHECK(gaps[0].pages == pages(8, 10));
    CHECK_FALSE(gaps[0].tracked);
    CHECK(gaps[1].pages == pages(10, 13));
    CHECK(gaps[1].tracked);
}

TEST_CASE("What a release has handed out is not used before it comes back") {
    constexpr std::uintptr_t end = 200; // of a pin of as many ranges
    constexpr page_range other = pages(300, 900);
    whole_pins ranges;
    pin(ranges, other);
    pin_alternating(ranges, 1, end);

    auto* const chain = ranges.remove(pages(1, end));
    std::vector<page_range> nested; // each cuts `other` once more, until the nodes run out
    for (std::uintptr_t at = 301; at < 900; at += 2) {
        std::size_t held = 0;
        if (!ranges.add_nested(pages(at, at + 1), false, held)) break;
        nested.push_back(pages(at, at + 1));
    }
    std::size_t released = 0;
    for (auto* node = chain; node != nullptr; node = node->next) released += node->pages.size() / page;

    CHECK(released == end - 1);
    CHECK(nested.size() > 50);
    CHECK(nested.size() < 299);
    ranges.recycle(chain);
    for (const page_range range : nested) CHECK(unpin(ranges, range).empty());
    CHECK(unpin(ranges, other) == runs{{300, 900}});
    CHECK(ranges.ranges.size() == 0);
}

TEST_CASE("A release finds the nodes it needs among many borders between states") {
    constexpr std::uintptr_t first = 1;
    constexpr std::uintptr_t middle = 402; // the one place where neighbours have the same state
    constexpr std::uintptr_t end = 800;
    whole_pins ranges;
    pin_alternating(ranges, first, middle);
    pin_alternating(ranges, middle, end);
    for (int i = 0; i < 200; ++i) { // lets go of nodes that are not needed
        std::size_t held = 0;
        REQUIRE(ranges.add_nested(pages(10, 11), false, held));
        CHECK(unpin(ranges, pages(10, 11)).empty());
    }
    CHECK(ranges.ranges.size() == end - first - 1);

    CHECK(unpin(ranges, pages(first, middle)).size() == middle - first);
    CHECK(unpin(ranges, pages(middle, end)).size() == end - middle);
    CHECK(ranges.ranges.size() == 0);
}

TEST_CASE("A release that leaves pages of many states leaves the nodes that their pins need") {
    constexpr page_range plain = pages(1000, 1100);
    constexpr page_range left = pages(1, 300);
    whole_pins ranges;
    std::size_t held = 0;
    pin(ranges, plain);
    pin_alternating(ranges, 1, 400);
    REQUIRE(ranges.add_nested(left, false, held));

    CHECK(unpin(ranges, pages(1, 400)).size() == 100);
    for (const page_range range : {pages(1010, 1020), pages(1030, 1040)}) // which cut `plain` in five
        REQUIRE(ranges.add_nested(range, false, held));
    CHECK(ranges.ranges.size() == 299 + 5);
    for (const page_range range : {pages(1010, 1020), pages(1030, 1040)}) CHECK(unpin(ranges, range).empty());
    CHECK(unpin(ranges, left).size() == 299);
    CHECK(unpin(ranges, plain) == runs{{1000, 1100}});
}

TEST_CASE("Pins beside each other that differ in state are as many ranges for one pin of all, too") {
    constexpr page_range plain = pages(1000, 1100);
    constexpr page_range all = pages(1, 400);
    for (const bool upwards : {false, true}) {
        whole_pins ranges;
        std::size_t held = 0;
        const auto each = [&](auto what) {
            for (std::uintptr_t n = 1; n < 400; ++n) what(upwards ? n : 400 - n);
        };
        pin(ranges, plain);
        each([&](std::uintptr_t n) {
            ranges.add(pages(n, n + 1),
                       {{pages(n, n + 1), {.held = n % 2 == 0, .foreign = false, .on_fault = false}}}, false);
        });
        REQUIRE(ranges.add_nested(all, false, held));
        each([&](std::uintptr_t n) { CHECK(unpin(ranges, pages(n, n + 1)).empty()); });
        for (const page_range range : {pages(1010, 1020), pages(1030, 1040)})
            REQUIRE(ranges.add_nested(range, false, held));
        CHECK(unpin(ranges, all).size() == 399);
    }
}

TEST_CASE("A pin that is only noted outlives the merging of its range with the next one") {
    whole_pins ranges;
    std::size_t held = 0;
    pin(ranges, pages(100, 120));
    for (int i = 0; i < 2; ++i) REQUIRE(ranges.add_nested(pages(100, 110), false, held));
    CHECK(unpin(ranges, pages(100, 110)).empty());            // its first ten pages are pinned twice now
    REQUIRE(ranges.add_nested(pages(103, 104), false, held)); // noted
    REQUIRE(ranges.add_nested(pages(110, 115), false, held)); // noted with the other range
    REQUIRE(ranges.add_nested(pages(118, 119), false,
                              held)); // counts that, which makes one range of fifteen pages

    CHECK(unpin(ranges, pages(103, 104)).empty());
    CHECK(unpin(ranges, pages(100, 120)) == runs{{115, 118}, {119, 120}});
    CHECK(unpin(ranges, pages(100, 110)) == runs{{100, 110}});
}

namespace {

/// The same bookkeeping, page by page.
class model {
public:
    static constexpr std::uintptr_t first = 1;
    static constexpr std::uintptr_t end = 97; // more ranges than one step takes

    struct entry {
        std::size_t count = 0;
        bool on_fault = false;
    };

    static lock_state state_of(std::uintptr_t number, bool on_fault) {
        const bool held = number % 7 != 0;
        return {.held = held, .foreign = number % 11 < 2, .on_fault = on_fault && held};
    }

    /// Runs of pages for which `wanted` holds, cut where `border` says so.
    template <class Wanted>
    std::vector<std::uintptr_t> list(page_range range, Wanted wanted) const {
        std::vector<std::uintptr_t> found;
        for (std::uintptr_t n = range.begin / page; n < range.end / page; ++n)
            if (wanted(n)) found.push_back(n);
        return found;
    }

    std::array<entry, end> entries{};
};

std::vector<std::uintptr_t> numbers(const std::vector<lock_gap>& gaps, bool tracked) {
    std::vector<std::uintptr_t> found;
    for (const lock_gap& gap : gaps)
        if (gap.tracked == tracked)
            for (std::uintptr_t at = gap.pages.begin; at < gap.pages.end; at += page)
                found.push_back(at / page);
    return found;
}

void model_pin(whole_pins& ranges, model& known, page_range range, bool on_fault) {
    const auto fresh = known.list(range, [&](auto n) { return known.entries[n].count == 0; });
    const auto upgrade = known.list(
        range, [&](auto n) { return known.entries[n].count != 0 && known.entries[n].on_fault && !on_fault; });
    const auto locked = known.list(range, [](auto n) { return model::state_of(n, false).held; });
    const auto gaps = ranges.gaps(range, on_fault);
    RC_ASSERT(numbers(gaps, false) == fresh);
    RC_ASSERT(numbers(gaps, true) == upgrade);

    std::size_t held = 0;
    if (!ranges.add_nested(range, on_fault, held)) {
        std::vector<lock_piece> pieces;
        for (const std::uintptr_t n : fresh)
            pieces.push_back({pages(n, n + 1), model::state_of(n, on_fault)});
        held = ranges.add(range, pieces, on_fault, gaps.size());
    } else {
        RC_ASSERT(gaps.empty());
    }
    RC_ASSERT(held == locked.size() * page);
    for (const std::uintptr_t n : fresh) known.entries[n].on_fault = model::state_of(n, on_fault).on_fault;
    for (std::uintptr_t n = range.begin / page; n < range.end / page; ++n) {
        ++known.entries[n].count;
        if (!on_fault) known.entries[n].on_fault = false;
    }
}

void model_unpin(whole_pins& ranges, model& known, page_range range) {
    const auto last = known.list(range, [&](auto n) { return known.entries[n].count == 1; });
    std::vector<std::uintptr_t> released;
    for (const auto& [first, end] : unpin(ranges, range))
        for (std::uintptr_t n = first; n < end; ++n) released.push_back(n);
    RC_ASSERT(released == last);
    for (std::uintptr_t n = range.begin / page; n < range.end / page; ++n) --known.entries[n].count;
}

void random_pins_and_releases() {
    whole_pins ranges;
    model known;
    std::vector<page_range> live;
    const int steps = *rc::gen::inRange(1, 80);
    for (int step = 0; step < steps; ++step) {
        if (live.empty() || *rc::gen::inRange(0, 5) < 3) {
            const auto first = *rc::gen::inRange(model::first, model::end);
            const auto end = *rc::gen::inRange(first + 1, model::end + 1);
            live.push_back(pages(first, end));
            model_pin(ranges, known, live.back(), *rc::gen::arbitrary<bool>());
        } else {
            const auto chosen = *rc::gen::inRange<std::size_t>(0, live.size());
            model_unpin(ranges, known, std::exchange(live[chosen], live.back()));
            live.pop_back();
        }
        const auto charged = known.list(pages(model::first, model::end), [&](auto n) {
            return known.entries[n].count != 0 && model::state_of(n, false).held &&
                   !model::state_of(n, false).foreign;
        });
        RC_ASSERT(ranges.ranges.locked_bytes() == charged.size() * page);
    }
    for (const page_range range : live) model_unpin(ranges, known, range);
    RC_ASSERT(ranges.ranges.size() == 0U);
    RC_ASSERT(ranges.ranges.locked_bytes() == 0U);
}

} // namespace

TEST_CASE("Random overlapping pins and releases agree with counts kept page by page") {
    CHECK(rc::check("ranges against pages", random_pins_and_releases));
}
