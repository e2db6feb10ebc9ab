// SPDX-License-Identifier: BSL-1.0
// Pins and releases of many ranges that take turns, a few ranges at a time, compared with counts kept page by
// page.
#include "gup/detail/mlock/locked_ranges.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/whole_pins.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <rapidcheck.h>
#include <span>
#include <utility>
#include <vector>

using gup::detail::lock_gap;
using gup::detail::lock_piece;
using gup::detail::locked_range;
using gup::detail::locked_ranges;
using gup::detail::page_range;

namespace {

constexpr std::uintptr_t page = 4096;
constexpr std::uintptr_t first_page = 1;
constexpr std::uintptr_t end_page = 120;

constexpr page_range pages(std::uintptr_t first, std::uintptr_t end) { return {first * page, end * page}; }

enum class what { pin_nested, survey, add, release_nested, release, recycle };

/// What a thread is in the middle of.
struct operation {
    what does;
    page_range range;
    std::uintptr_t next = range.begin;
    std::vector<lock_gap> gaps{};
    std::vector<lock_piece> pieces{};
    std::span<const lock_piece> rest{};
    locked_range* released = nullptr;
    locked_range** end = nullptr;
    bool over = false;
};

class turns {
public:
    void begin(page_range range) { start(what::pin_nested, range); }
    void end(std::size_t chosen) {
        if (live_.empty()) return;
        std::swap(live_[chosen % live_.size()], live_.back());
        start(what::release_nested, live_.back());
        live_.pop_back();
    }
    /// Lets one of them do what it does under the lock.
    void step(std::size_t chosen) {
        if (under_way_.empty()) return;
        const std::size_t place = chosen % under_way_.size();
        operation& o = *under_way_[place];
        if (calls(o.does)) { // only one at a time
            if (caller_ != nullptr && caller_ != &o) return;
            caller_ = &o;
        }
        if (step(o)) check();
        if (!o.over) return;
        if (caller_ == &o) caller_ = nullptr;
        std::swap(under_way_[place], under_way_.back());
        under_way_.pop_back();
    }
    void finish() {
        while (!under_way_.empty() || !live_.empty()) {
            if (under_way_.empty()) end(0);
            for (std::size_t i = under_way_.size(); i-- != 0;) step(i);
        }
        RC_ASSERT(ranges_.size() == 0U);
        RC_ASSERT(ranges_.locked_bytes() == 0U);
    }

private:
    void start(what does, page_range range) {
        under_way_.push_back(std::make_unique<operation>(operation{.does = does, .range = range}));
    }
    static bool calls(what does) { return does != what::pin_nested && does != what::release_nested; }

    bool step(operation& o) {
        std::size_t held = 0;
        const std::uintptr_t before = o.next;
        switch (o.does) {
        case what::pin_nested:
            if (!ranges_.add_nested(o.range, o.next, false, held)) return roll_back(o);
            count(before, o.next, 1);
            if (o.next == o.range.end) pinned(o);
            return true;
        case what::survey:
            ranges_.find_gaps(o.range, o.next, false, o.gaps);
            if (o.next == o.range.end) prepare(o);
            return true;
        case what::add:
            ranges_.add(o.range, o.next, o.rest, false);
            count(before, o.next, 1);
            if (o.next != o.range.end) return true;
            ranges_.withdraw();
            pinned(o);
            return true;
        case what::release_nested:
            if (!ranges_.remove_nested(o.range, o.next)) {
                o.does = what::release;
                return false;
            }
            count(before, o.next, -1);
            o.over = o.next == o.range.end;
            return true;
        case what::release:
            o.end = ranges_.remove(o.range, o.next, o.end == nullptr ? &o.released : o.end);
            count(before, o.next, -1);
            if (o.next == o.range.end) o.does = what::recycle;
            return true;
        case what::recycle:
            ranges_.recycle(o.released);
            o.over = o.released == nullptr;
            return true;
        }
        return false;
    }
    /// Goes the long way, and a pin of what is counted already is released.
    bool roll_back(operation& o) {
        const page_range counted{o.range.begin, o.next};
        o.does = what::survey;
        o.next = o.range.begin;
        if (!counted.empty()) start(what::release_nested, counted);
        return false;
    }
    void prepare(operation& o) {
        for (const lock_gap& gap : o.gaps)
            for (std::uintptr_t n = gap.pages.begin / page; n < gap.pages.end / page; ++n)
                o.pieces.push_back(
                    {pages(n, n + 1), {.held = n % 3 != 0, .foreign = false, .on_fault = false}});
        o.rest = o.pieces;
        gup::detail::node_chain<locked_range> nodes;
        while (const auto more = ranges_.promise(o.gaps.size() + o.pieces.size(), nodes)) nodes.grow(more);
        o.does = what::add;
        o.next = o.range.begin;
    }
    void pinned(operation& o) {
        live_.push_back(o.range);
        o.over = true;
    }

    void count(std::uintptr_t from, std::uintptr_t to, int more) {
        RC_ASSERT(to > from);
        for (std::uintptr_t n = from / page; n < to / page; ++n) counts_[n] += more;
    }
    void check() const {
        std::vector<lock_gap> gaps;
        for (std::uintptr_t next = first_page * page; next != end_page * page;)
            ranges_.find_gaps(pages(first_page, end_page), next, false, gaps);
        std::array<bool, end_page> missing{};
        for (const lock_gap& gap : gaps)
            for (std::uintptr_t n = gap.pages.begin / page; n < gap.pages.end / page; ++n) missing[n] = true;
        for (std::uintptr_t n = first_page; n < end_page; ++n) RC_ASSERT(missing[n] == (counts_[n] == 0));
    }

    locked_ranges ranges_{};
    std::vector<std::unique_ptr<operation>> under_way_{};
    std::vector<page_range> live_{};
    std::array<int, end_page> counts_{};
    const operation* caller_ = nullptr; // who keeps others from adding pages and removing them
};

void take_turns() {
    turns t;
    const int steps = *rc::gen::inRange(1, 250);
    for (int step = 0; step < steps; ++step) {
        const auto action = *rc::gen::inRange(0, 8);
        const auto chosen = *rc::gen::inRange<std::size_t>(0, 1000);
        if (action == 0) {
            const auto first = *rc::gen::inRange(first_page, end_page);
            t.begin(pages(first, *rc::gen::inRange(first + 1, end_page + 1)));
        } else if (action == 1) {
            t.end(chosen);
        } else {
            t.step(chosen);
        }
    }
    t.finish();
}

} // namespace

TEST_CASE("Pins and releases that take turns, a few ranges at a time, agree with counts kept page by page") {
    CHECK(rc::check("turns against pages", take_turns));
}

TEST_CASE("What is done at once with the set of ranges does not grow with the ranges") {
    constexpr std::uintptr_t end = 4000;
    constexpr std::size_t least_steps = end / locked_ranges::most_at_once;
    gup_test::whole_pins ranges;
    std::vector<lock_piece> pieces;
    for (std::uintptr_t n = 1; n < end; ++n)
        pieces.push_back({pages(n, n + 1), {.held = n % 2 == 0, .foreign = false, .on_fault = false}});
    const auto steps_of = [&](auto act) {
        ranges.steps = 0;
        act();
        return ranges.steps;
    };
    std::size_t held = 0;
    CHECK(steps_of([&] { ranges.add(pages(1, end), pieces, false); }) >= least_steps);
    CHECK(steps_of([&] { CHECK(ranges.add_nested(pages(1, end), false, held)); }) >= least_steps);
    CHECK(steps_of([&] { CHECK(ranges.gaps(pages(1, end), false).empty()); }) >= least_steps);
    CHECK(steps_of([&] { CHECK(ranges.release(pages(1, end)).empty()); }) >= least_steps);
    CHECK(steps_of([&] { CHECK(ranges.release(pages(1, end)).size() == end - 1); }) >= least_steps);
}
