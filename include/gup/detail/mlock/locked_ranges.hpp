// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How often each page of a process is pinned by mlock, as an ordered set of ranges: needed because mlock
/// does not nest, so that only the last release of a page may unlock it. Makes no system call and is not
/// thread-safe.

#include "gup/detail/mlock/locked_range.hpp"
#include "gup/detail/node_stock.hpp"
#include "gup/detail/page_range.hpp"

#include <boost/intrusive/set.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

/// Neighbours with the same count and state are one range. Nodes are allocated ahead: a nested pin normally
/// allocates nothing, and a release cannot fail.
///
/// However many ranges there are, a call looks at a few of them: what is about many takes several calls, each
/// from `next` on, which it moves, until that is the end of the pages. The lock that protects the set need
/// not be held in between: a pin that is counted in part, or no longer in part, is one of fewer pages.
class locked_ranges {
public:
    static constexpr std::size_t most_at_once = 32; // ranges, or nodes

    locked_ranges() = default;
    locked_ranges(const locked_ranges&) = delete;
    locked_ranges& operator=(const locked_ranges&) = delete;
    ~locked_ranges() {
        set_.clear_and_dispose([this](locked_range* range) { stock_.give_back(*range); });
    }

    /// Counts one more pin of `pages`, from `next` on, if those are pinned already, and populated unless
    /// `on_fault`, and the nodes that it may need are there; adds to `held` the bytes that are really locked.
    bool add_nested(page_range pages, std::uintptr_t& next, bool on_fault, std::size_t& held) noexcept;

    /// Adds to `gaps` the parts of `pages` that `add_nested` would miss. Throws std::bad_alloc.
    void find_gaps(page_range pages, std::uintptr_t& next, bool on_fault, std::vector<lock_gap>& gaps) const;

    /// Makes sure that one pin added with so many gaps and pieces together has the nodes it needs, whatever
    /// happens in between; until `withdraw`. Takes the nodes of `fresh`; returns how many more it needs, and
    /// has promised nothing then.
    std::size_t promise(std::size_t parts, node_chain<locked_range>& fresh) noexcept;
    void withdraw() noexcept { promised_ = 0; }

    /// Counts one more pin of `pages`, whose gaps are the `pieces`, in order, of which it removes what it has
    /// taken; returns the bytes really locked. Unless `on_fault`, what was locked on fault is now populated.
    /// Only while nobody else adds pages or removes them.
    std::size_t add(page_range pages, std::uintptr_t& next, std::span<const lock_piece>& pieces,
                    bool on_fault) noexcept;

    /// Ends one pin of `pages`, from `next` on, if every one of the next has another.
    bool remove_nested(page_range pages, std::uintptr_t& next) noexcept;

    /// Ends one pin of `pages`. Appends the ranges whose last pin it was to a list, in order, which is to be
    /// given to `recycle`; takes and returns where the list ends.
    locked_range** remove(page_range pages, std::uintptr_t& next, locked_range** end) noexcept;
    void recycle(locked_range*& released) noexcept;

    /// Bytes that gup has locked for the pins.
    std::size_t locked_bytes() const noexcept { return locked_bytes_; }

    /// Ranges in the set; walks it.
    std::size_t size() const noexcept { return set_.size(); }

private:
    friend struct frozen_layout;

    struct begin_of {
        using type = std::uintptr_t;
        type operator()(const locked_range& range) const noexcept { return range.pages.begin; }
    };
    using set = boost::intrusive::set<locked_range, boost::intrusive::key_of_value<begin_of>,
                                      boost::intrusive::constant_time_size<false>>;
    using iterator = set::iterator;
    using const_iterator = set::const_iterator;

    static constexpr std::size_t spare_nodes = 64; // for the next nested pins

    static std::size_t charged(const locked_range& range) noexcept {
        return range.state.held && !range.state.foreign ? range.pages.size() : 0;
    }

    const_iterator containing_or_after(std::uintptr_t address) const noexcept;
    iterator containing_or_after(std::uintptr_t address) noexcept;
    page_range next_part(page_range pages, std::uintptr_t next) const noexcept;
    iterator split(iterator range, std::uintptr_t at) noexcept;
    iterator merge_with_previous(iterator range) noexcept;
    std::size_t count_up(page_range pages, bool on_fault) noexcept;
    void settle_guests(page_range pages) noexcept;
    void insert(const lock_piece& piece) noexcept;
    std::size_t state_borders(page_range pages) const noexcept;
    void trim() noexcept;

    /// Nodes that suffice for so many pins: each has two ends, each end starts at most one range, and the
    /// only other places where ranges touch are the borders between states.
    std::size_t nodes_for(std::size_t pins) const noexcept {
        return 2 * pins + state_borders_ + promised_ + released_;
    }

    node_stock<locked_range> stock_;
    set set_;
    std::size_t pins_ = 0;
    std::size_t state_borders_ = 0;
    std::size_t promised_ = 0;
    std::size_t released_ = 0; // given out by `remove`
    std::size_t locked_bytes_ = 0;
};

inline bool locked_ranges::add_nested(page_range pages, std::uintptr_t& next, bool on_fault,
                                      std::size_t& held) noexcept {
    const bool begins = next == pages.begin;
    if (begins && stock_.nodes() < nodes_for(pins_ + 1)) return false;
    const iterator first = containing_or_after(next);
    page_range part{next, next};
    std::size_t ranges = 0;
    for (iterator range = first; part.end < pages.end && ranges < most_at_once; ++range, ++ranges) {
        if (range == set_.end() || range->pages.begin > part.end) return false;
        if (range->state.on_fault && !on_fault) return false;
        part.end = std::min(range->pages.end, pages.end);
    }
    next = part.end;
    if (begins) ++pins_;
    if (begins && first->pages.end >= pages.end && first->guest.empty()) {
        first->guest = pages;
        if (first->state.held) held += pages.size();
        return true;
    }
    settle_guests(part);
    held += count_up(part, on_fault);
    return true;
}

inline void locked_ranges::find_gaps(page_range pages, std::uintptr_t& next, bool on_fault,
                                     std::vector<lock_gap>& gaps) const {
    auto range = containing_or_after(next);
    for (std::size_t ranges = 0; range != set_.end() && range->pages.begin < pages.end; ++range, ++ranges) {
        if (ranges == most_at_once) return;
        if (range->pages.begin > next) gaps.push_back({{next, range->pages.begin}, false});
        const page_range part = intersection(range->pages, {next, pages.end});
        if (range->state.on_fault && !on_fault) gaps.push_back({part, true});
        next = part.end;
    }
    if (next < pages.end) gaps.push_back({{std::exchange(next, pages.end), pages.end}, false});
}

inline std::size_t locked_ranges::promise(std::size_t parts, node_chain<locked_range>& fresh) noexcept {
    stock_.take_over(fresh);
    // two new borders for each part, the ends of the pin, one node in passing
    const std::size_t promised = 2 * parts + 3;
    const std::size_t needed = nodes_for(pins_) + promised + spare_nodes;
    if (stock_.nodes() < needed) return needed - stock_.nodes();
    promised_ = promised;
    return 0;
}

inline std::size_t locked_ranges::add(page_range pages, std::uintptr_t& next,
                                      std::span<const lock_piece>& pieces, bool on_fault) noexcept {
    if (next == pages.begin) ++pins_;
    page_range part = next_part(pages, next);
    if (pieces.size() > most_at_once) part.end = std::min(part.end, pieces[most_at_once].pages.begin);
    settle_guests(part);
    const std::size_t borders_before = state_borders(part);
    for (; !pieces.empty() && pieces.front().pages.begin < part.end; pieces = pieces.subspan(1))
        insert(pieces.front());
    const std::size_t held = count_up(part, on_fault);
    state_borders_ = state_borders_ - borders_before + state_borders(part);
    next = part.end;
    return held;
}

inline bool locked_ranges::remove_nested(page_range pages, std::uintptr_t& next) noexcept {
    const iterator first = containing_or_after(next);
    page_range part{next, pages.end};
    if (first->guest == part) {
        first->guest = {};
    } else {
        part = next_part(pages, next);
        settle_guests(part);
        iterator range = containing_or_after(part.begin);
        for (iterator other = range; other != set_.end() && other->pages.begin < part.end; ++other)
            if (other->count == 1) return false;
        range = split(range, part.begin);
        while (range != set_.end() && range->pages.begin < part.end) {
            split(range, part.end);
            --range->count;
            range = std::next(merge_with_previous(range));
        }
        merge_with_previous(range);
    }
    next = part.end;
    if (next == pages.end) --pins_;
    trim();
    return true;
}

inline locked_range** locked_ranges::remove(page_range pages, std::uintptr_t& next,
                                            locked_range** end) noexcept {
    const page_range part = next_part(pages, next);
    settle_guests(part);
    const std::size_t borders_before = state_borders_ == 0 ? 0 : state_borders(part);
    iterator range = split(containing_or_after(part.begin), part.begin);
    while (range != set_.end() && range->pages.begin < part.end) {
        split(range, part.end);
        if (--range->count != 0) {
            range = std::next(merge_with_previous(range));
            continue;
        }
        locked_bytes_ -= charged(*range);
        *end = &*range;
        end = &range->next;
        ++released_;
        range = set_.erase(range);
    }
    *end = nullptr;
    merge_with_previous(range);
    if (state_borders_ != 0) state_borders_ = state_borders_ - borders_before + state_borders(part);
    next = part.end;
    if (next == pages.end) --pins_;
    return end;
}

inline void locked_ranges::recycle(locked_range*& released) noexcept {
    for (std::size_t nodes = 0; released != nullptr && nodes < most_at_once; ++nodes, --released_)
        stock_.give_back(*std::exchange(released, released->next));
    trim();
}

/// Frees nodes that no pin needs; more than came back, a few at a time.
inline void locked_ranges::trim() noexcept {
    const std::size_t nodes = stock_.nodes();
    stock_.shrink(std::max(nodes_for(pins_) + spare_nodes, nodes - std::min(nodes, 2 * most_at_once)));
}

/// The pages from `next` on, as far as a few ranges reach.
inline page_range locked_ranges::next_part(page_range pages, std::uintptr_t next) const noexcept {
    page_range part{next, pages.end};
    const_iterator range = containing_or_after(next);
    for (std::size_t ranges = 0; range != set_.end() && range->pages.begin < pages.end; ++range) {
        if (++ranges > most_at_once) return part;
        part.end = std::min(range->pages.end, pages.end);
    }
    return {next, pages.end};
}

inline locked_ranges::const_iterator
locked_ranges::containing_or_after(std::uintptr_t address) const noexcept {
    const const_iterator after = set_.upper_bound(address);
    if (after == set_.begin()) return after;
    const const_iterator before = std::prev(after);
    return before->pages.end > address ? before : after;
}

inline locked_ranges::iterator locked_ranges::containing_or_after(std::uintptr_t address) noexcept {
    return std::as_const(*this).containing_or_after(address).unconst();
}

/// Cuts `range` in two if `at` lies inside it; returns what begins at `at`, or `range` if it does not.
inline locked_ranges::iterator locked_ranges::split(iterator range, std::uintptr_t at) noexcept {
    if (range == set_.end() || at <= range->pages.begin || at >= range->pages.end) return range;
    locked_range& tail = stock_.take();
    tail.pages = {at, std::exchange(range->pages.end, at)};
    tail.count = range->count;
    tail.state = range->state;
    tail.guest = {};
    return set_.insert_before(std::next(range), tail);
}

/// Returns the range that `range` is part of then. At most one of the two has a guest.
inline locked_ranges::iterator locked_ranges::merge_with_previous(iterator range) noexcept {
    if (range == set_.begin() || range == set_.end()) return range;
    const iterator previous = std::prev(range);
    const bool equal = previous->pages.end == range->pages.begin && previous->count == range->count &&
                       previous->state == range->state;
    if (!equal) return range;
    previous->pages.end = range->pages.end;
    if (!range->guest.empty()) previous->guest = range->guest;
    locked_range& merged = *range;
    set_.erase(range);
    stock_.give_back(merged);
    return previous;
}

/// Adds one to the counts of `pages`, all of which are in the set; returns the bytes really locked.
inline std::size_t locked_ranges::count_up(page_range pages, bool on_fault) noexcept {
    std::size_t held = 0;
    iterator range = split(containing_or_after(pages.begin), pages.begin);
    while (range != set_.end() && range->pages.begin < pages.end) {
        split(range, pages.end);
        if (range->state.held) held += range->pages.size();
        if (!on_fault) range->state.on_fault = false;
        ++range->count;
        range = std::next(merge_with_previous(range));
    }
    merge_with_previous(range);
    return held;
}

/// Counts the guests of the ranges in and next to `pages` like other pins.
inline void locked_ranges::settle_guests(page_range pages) noexcept {
    iterator range = containing_or_after(pages.begin - 1);
    while (range != set_.end() && range->pages.begin <= pages.end) {
        if (range->guest.empty()) {
            ++range;
            continue;
        }
        const bool on_fault = true; // counting a guest changes no state
        count_up(std::exchange(range->guest, page_range{}), on_fault);
        range = containing_or_after(pages.begin - 1); // a merge may have brought another guest here
    }
}

inline void locked_ranges::insert(const lock_piece& piece) noexcept {
    locked_range& range = stock_.take();
    range.pages = piece.pages;
    range.count = 0;
    range.state = piece.state;
    range.guest = {};
    locked_bytes_ += charged(range);
    merge_with_previous(set_.insert(range).first);
}

/// How often the state changes between two ranges that touch inside `pages` or at its ends.
inline std::size_t locked_ranges::state_borders(page_range pages) const noexcept {
    std::size_t borders = 0;
    const_iterator range = containing_or_after(pages.begin - 1);
    if (range == set_.end()) return 0;
    for (const_iterator next = std::next(range); next != set_.end() && next->pages.begin <= pages.end;
         range = next++)
        borders += range->pages.end == next->pages.begin && range->state != next->state;
    return borders;
}

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::locked_ranges;
} // namespace gup::inline GUP_NAMESPACE::detail
