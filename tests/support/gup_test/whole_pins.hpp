// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The set of locked ranges, each pin and each release at once: for tests in which nothing comes in between.

#include "gup/detail/mlock/locked_ranges.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gup_test {

class whole_pins {
public:
    using page_range = gup::detail::page_range;

    /// False, and nothing has changed, if not all of it is pinned: as for who is alone with the set.
    bool add_nested(page_range pages, bool on_fault, std::size_t& held) {
        std::uintptr_t next = pages.begin;
        held = 0;
        while (next != pages.end && ranges.add_nested(pages, next, on_fault, held)) ++steps;
        if (next == pages.end) return true;
        if (next != pages.begin) release({pages.begin, next});
        return false;
    }
    auto gaps(page_range pages, bool on_fault) {
        std::vector<gup::detail::lock_gap> found;
        for (std::uintptr_t next = pages.begin; next != pages.end; ++steps)
            ranges.find_gaps(pages, next, on_fault, found);
        return found;
    }
    /// As a transaction that finds so many gaps besides the pieces.
    std::size_t add(page_range pages, const std::vector<gup::detail::lock_piece>& made, bool on_fault,
                    std::size_t gaps = 0) {
        gup::detail::node_chain<gup::detail::locked_range> nodes;
        while (const auto more = ranges.promise(gaps + made.size(), nodes)) nodes.grow(more);
        std::size_t held = 0;
        std::span pieces = made;
        for (std::uintptr_t next = pages.begin; next != pages.end; ++steps)
            held += ranges.add(pages, next, pieces, on_fault);
        ranges.withdraw();
        return held;
    }
    /// The ranges whose last pin it was, until they are given back.
    gup::detail::locked_range* remove(page_range pages) {
        gup::detail::locked_range* released = nullptr;
        auto** end = &released;
        for (std::uintptr_t next = pages.begin; next != pages.end; ++steps) {
            if (end == &released && ranges.remove_nested(pages, next)) continue;
            end = ranges.remove(pages, next, end);
        }
        return released;
    }
    void recycle(gup::detail::locked_range* released) {
        while (released != nullptr) ranges.recycle(released);
    }
    /// The pages whose last pin it was.
    std::vector<page_range> release(page_range pages) {
        std::vector<page_range> last;
        auto* const released = remove(pages);
        for (const auto* range = released; range != nullptr; range = range->next)
            last.push_back(range->pages);
        recycle(released);
        return last;
    }

    gup::detail::locked_ranges ranges{};
    std::size_t steps = 0; ///< calls that did something, each of which looks at a few ranges
};

} // namespace gup_test
