// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What /proc/self/smaps says of a mapping beyond /proc/self/maps: which pages it is made of. Reading it
/// walks every page table of the process: for messages and statistics only.

#include "gup/detail/proc_text.hpp"
#include "gup/detail/vma.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gup::inline GUP_NAMESPACE::detail {

/// Calls `visit(vma, fields)` for every mapping in the text of /proc/self/smaps, or of /proc/self/maps, which
/// has no fields.
template <class Visit>
void for_each_smaps_entry(std::string_view smaps, Visit visit) {
    const auto take_line = [&smaps] {
        const std::string_view line = smaps.substr(0, smaps.find('\n'));
        smaps.remove_prefix(line.size() == smaps.size() ? line.size() : line.size() + 1);
        return line;
    };
    while (!smaps.empty()) {
        const auto mapping = parse_vma(take_line());
        if (!mapping) continue;
        const char* const fields = smaps.data();
        while (!smaps.empty() && !parse_vma(smaps.substr(0, smaps.find('\n')))) take_line();
        visit(*mapping, std::string_view(fields, static_cast<std::size_t>(smaps.data() - fields)));
    }
}

/// Bytes of the mapping that are on transparent huge pages.
inline std::uint64_t transparent_huge_bytes(std::string_view fields) noexcept {
    std::uint64_t sum = 0;
    for (const char* const key : {"AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:"})
        sum += proc_kilobytes(fields, key).value_or(0);
    return sum;
}

/// Bytes of one page of the hugetlb mapping; 0 for any other.
inline std::uint64_t hugetlb_page_bytes(std::string_view fields) noexcept {
    const bool hugetlb = proc_field(fields, "VmFlags:").find("ht") != std::string_view::npos;
    return hugetlb ? proc_kilobytes(fields, "KernelPageSize:").value_or(0) : 0;
}

} // namespace gup::inline GUP_NAMESPACE::detail
