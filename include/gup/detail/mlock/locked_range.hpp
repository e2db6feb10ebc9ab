// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Pages that mlock keeps in memory alike: what the counts of pins are kept for.

#include "gup/detail/page_range.hpp"

#include <boost/intrusive/set_hook.hpp>

#include <cstddef>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

/// What is known about the lock of a range of pages.
struct lock_state {
    bool held;     ///< the kernel really holds it; false where mlock silently does nothing
    bool foreign;  ///< it was locked before gup came (mlockall, a bare mlock): gup leaves it locked
    bool on_fault; ///< locked page by page, as each is touched

    friend constexpr bool operator==(lock_state, lock_state) noexcept = default;
};

/// Pages that no pin holds yet, about to be locked.
struct lock_piece {
    page_range pages;
    lock_state state;
};

/// Pages that need a call before they can be counted.
struct lock_gap {
    page_range pages;
    bool tracked; ///< pinned already, but on fault where the new pin wants it populated
};

/// Pages that lie together, with one count and one state.
struct locked_range
    : boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    page_range pages;
    std::size_t count = 0;
    lock_state state{};
    page_range guest;             // one more pin, of a part: cheaper to note than to cut the range for
    locked_range* next = nullptr; // of the free or released ones
};

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::lock_gap;
using process_wide_v1::lock_piece;
using process_wide_v1::lock_state;
using process_wide_v1::locked_range;
} // namespace gup::inline GUP_NAMESPACE::detail
