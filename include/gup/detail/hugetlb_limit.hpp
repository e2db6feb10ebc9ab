// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Which limit keeps hugetlb pages from this process although the machine has them in its reserve: that of a
/// control group, as a container's. The kernel lets such memory be mapped and raises SIGBUS where it is
/// touched.

#include "gup/detail/proc_text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gup::inline GUP_NAMESPACE::detail {

/// "2MB", as the kernel names the files of a page size.
inline std::string hugetlb_size_name(std::uint64_t page) {
    constexpr std::uint64_t mega = std::uint64_t{1} << 20, giga = std::uint64_t{1} << 30;
    if (page >= giga) return std::to_string(page / giga) + "GB";
    return page >= mega ? std::to_string(page / mega) + "MB" : std::to_string(page / 1024) + "KB";
}

/// What is limited: pages when they are touched, or their reservation when they are mapped.
enum class hugetlb_step { touched, mapped };

/// The sentence that names the limit which leaves no room for `bytes` more, in pages of `page` bytes; empty
/// if none is found. Throws std::bad_alloc.
template <class Kernel>
std::string explain_hugetlb_limit(hugetlb_step step, std::uint64_t page, std::uint64_t bytes) {
    struct hierarchy {
        std::string_view line, limit, use; // in /proc/self/cgroup; names of files
        const char* mount;
    };
    static constexpr std::array known{
        hierarchy{"0::", ".max", ".current", "/sys/fs/cgroup"},
        hierarchy{"0::", ".max", ".current", "/sys/fs/cgroup/unified"},
        hierarchy{":hugetlb:", ".limit_in_bytes", ".usage_in_bytes", "/sys/fs/cgroup/hugetlb"}};
    const std::string name =
        "/hugetlb." + hugetlb_size_name(page) + (step == hugetlb_step::mapped ? ".rsvd" : "");
    const std::uint64_t least = step == hugetlb_step::mapped ? bytes : page;
    std::string groups, text;
    if (Kernel::read_text("/proc/self/cgroup", groups) != 0) return {};
    for (const hierarchy& in : known) {
        const std::size_t at = groups.find(in.line);
        if (at == groups.npos) continue;
        const std::size_t begin = at + in.line.size();
        std::string group = groups.substr(begin, groups.find('\n', begin) - begin);
        if (group == "/") group.clear();
        for (;;) { // a limit may be that of any group above
            const std::string file = in.mount + group + name;
            const auto number = [&](std::string_view which) {
                const bool there = Kernel::read_text((file + std::string(which)).c_str(), text) == 0;
                return there ? leading_number(text) : std::nullopt; // "max" is no number
            };
            const auto limit = number(in.limit), use = number(in.use);
            if (limit && use && (*use > *limit || *limit - *use < least))
                return "the control group allows " + std::to_string(*limit) +
                       " bytes of hugetlb pages: as root write " + std::to_string(*use + bytes) + " to " +
                       file + std::string(in.limit) +
                       ", which a container's runtime sets, or use other memory";
            if (group.empty()) break;
            group.resize(group.rfind('/') == group.npos ? 0 : group.rfind('/'));
        }
    }
    return {};
}

} // namespace gup::inline GUP_NAMESPACE::detail
