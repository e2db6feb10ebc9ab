// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `page_range`: whole pages, by address.

#include "gup/version.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

GUP_SYSTEM_HEADER

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

/// The pages that a range touches; empty if there is no such range.
inline page_range touched_pages(std::span<const std::byte> range, std::size_t page) noexcept {
    const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
    const std::uintptr_t most = UINTPTR_MAX - (page - 1); // the end is rounded up and must not wrap
    if (begin == 0 || range.empty() || begin > most || range.size() > most - begin) return {};
    return {begin & ~(page - 1), (begin + range.size() + page - 1) & ~(page - 1)};
}
} // namespace gup::inline GUP_NAMESPACE::detail
