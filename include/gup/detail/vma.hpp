// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The mappings of this process as /proc/self/maps shows them: needed where the kernel treats the parts of
/// one range differently and says so to nobody.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace gup::detail {

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

/// One mapping.
struct vma {
    page_range pages;
    bool accessible; ///< may be read, written or executed at all
};

/// One line of /proc/self/maps; empty if it is not one.
inline std::optional<vma> parse_vma(std::string_view line) noexcept {
    const char* const end = line.data() + line.size();
    page_range pages;
    const auto first = std::from_chars(line.data(), end, pages.begin, 16);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, pages.end, 16);
    if (second.ec != std::errc{} || end - second.ptr < 5 || *second.ptr != ' ') return std::nullopt;
    return vma{pages, !std::string_view(second.ptr + 1, 3).starts_with("---")};
}

/// Calls `visit(vma)` for every mapping in the text of /proc/self/maps, in the order of the addresses.
template <class Visit>
void for_each_vma(std::string_view maps, Visit visit) {
    while (!maps.empty()) {
        const std::string_view line = maps.substr(0, maps.find('\n'));
        if (const auto mapping = parse_vma(line)) visit(*mapping);
        maps.remove_prefix(line.size() == maps.size() ? line.size() : line.size() + 1);
    }
}

} // namespace gup::detail
