// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `all_or_none`: whether all pages that were asked for were got, or none. The kernel's get_user_pages
/// returns how many; that there is no such number here, the type says.

#include "gup/detail/refused.hpp"

#include <concepts>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE {

/// `if (!try_get_user_pages(pool, refs)) ...`: true if all were got. No number, and not taken for one.
class [[nodiscard("false means that no page was got")]] all_or_none {
public:
    constexpr explicit all_or_none(bool all) noexcept : all_(all) {}

    /// True if all pages were got, false if none was.
    constexpr explicit operator bool() const noexcept { return all_; }

    // A wrong spelling, with the right one.
    template <class Number>
        requires(std::is_arithmetic_v<Number> && !std::same_as<Number, bool>)
    constexpr operator Number() const noexcept GUP_REFUSED(
        "all pages are got or none, never a number of them: ask `if (!try_get_user_pages(...))`, "
        "and the span how many there are");

private:
    bool all_;
};

} // namespace gup::inline GUP_NAMESPACE
