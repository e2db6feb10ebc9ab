// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `page_range`: whole pages, by address.

#include "gup/version.hpp"

#include <cstddef>
#include <cstdint>

namespace gup::process_wide_v1 {

/// Whole pages, by address: [begin, end).
struct page_range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;

    constexpr std::size_t size() const noexcept { return end - begin; }
    constexpr bool empty() const noexcept { return begin >= end; }
    friend constexpr bool operator==(page_range, page_range) noexcept = default;
};

constexpr page_range intersection(page_range a, page_range b) noexcept {
    return {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
}

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::intersection;
using process_wide_v1::page_range;
} // namespace gup::inline GUP_NAMESPACE::detail
