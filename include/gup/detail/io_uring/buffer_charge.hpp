// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What io_uring charges for a registered buffer: whole pages, and of a huge page all of it, however small
/// the part of it that is registered.

#include "gup/detail/page_range.hpp"
#include "gup/detail/proc_text.hpp"
#include "gup/detail/smaps.hpp"
#include "gup/memory_kind.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gup::inline GUP_NAMESPACE::detail {

/// Bytes of the huge pages that a mapping may have; 0 for none.
inline std::uint64_t huge_unit(std::string_view fields) noexcept {
    if (const std::uint64_t hugetlb = hugetlb_page_bytes(fields); hugetlb != 0) return hugetlb;
    const bool asked_for = proc_field(fields, "VmFlags:").find("hg") != std::string_view::npos;
    return asked_for || transparent_huge_bytes(fields) != 0 ? huge_page_size : 0;
}

/// The huge page that an address may be in; empty if it is in none. The kernel does not say which pages of a
/// mapping are huge: all that were asked for may be, and all if some are.
inline page_range huge_page_at(std::string_view smaps, std::uintptr_t address) noexcept {
    std::uintptr_t unit = 0, covered = 0;
    for_each_smaps_entry(smaps, [&](const vma& mapping, std::string_view fields) {
        if (address >= mapping.pages.begin && address < mapping.pages.end) unit = huge_unit(fields);
    });
    if (unit == 0) return {};
    const page_range whole{address & ~(unit - 1), (address & ~(unit - 1)) + unit};
    for_each_smaps_entry(smaps, [&](const vma& mapping, std::string_view fields) {
        const page_range part = intersection(mapping.pages, whole);
        if (!part.empty() && huge_unit(fields) == unit) covered += part.size();
    });
    return covered == unit ? whole : page_range{};
}

/// Bytes that the kernel charges for pages, from the text of /proc/self/smaps.
inline std::uint64_t buffer_charge(std::string_view smaps, page_range pages) noexcept {
    const page_range first = huge_page_at(smaps, pages.begin), last = huge_page_at(smaps, pages.end - 1);
    if (!first.empty()) pages.begin = first.begin;
    if (!last.empty()) pages.end = last.end;
    return pages.size();
}

/// The same of this process now; of whole pages if it cannot be read. Throws std::bad_alloc.
template <class Kernel>
std::uint64_t buffer_charge(std::span<const std::byte> range) {
    std::string smaps;
    Kernel::read_text("/proc/self/smaps", smaps);
    return buffer_charge(smaps, touched_pages(range, Kernel::page_size()));
}

} // namespace gup::inline GUP_NAMESPACE::detail
