// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// PROCMAP_QUERY, since Linux 6.11: an open /proc/self/maps is asked for one mapping. The text of all of them
/// takes milliseconds in a process that has ten thousand.

#include "gup/version.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <sys/ioctl.h>

namespace gup::inline GUP_NAMESPACE::detail {

/// What the kernel is asked with, and its answer. <linux/fs.h> has it too, where it is new enough.
struct procmap_query {
    std::uint64_t size = sizeof(procmap_query);
    std::uint64_t query_flags = 0;
    std::uint64_t query_addr = 0;
    std::uint64_t vma_start = 0;
    std::uint64_t vma_end = 0;
    std::uint64_t vma_flags = 0;
    std::uint64_t vma_page_size = 0;
    std::uint64_t vma_offset = 0;
    std::uint64_t inode = 0;
    std::uint32_t dev_major = 0;
    std::uint32_t dev_minor = 0;
    std::uint32_t vma_name_size = 0; ///< of the buffer; in the answer with the zero at the end, 0 for no name
    std::uint32_t build_id_size = 0;
    std::uint64_t vma_name_addr = 0;
    std::uint64_t build_id_addr = 0;
};
static_assert(sizeof(procmap_query) == 104);

inline constexpr unsigned long procmap_query_request = _IOWR('f', 17, procmap_query);
inline constexpr std::uint64_t covering_or_next_vma = 0x10; // PROCMAP_QUERY_COVERING_OR_NEXT_VMA

/// Adds an answer as the line that the text of /proc/self/maps has of the mapping, but for its columns.
/// Throws std::bad_alloc.
inline void append_maps_line(std::string& text, const procmap_query& found, const char* name) {
    const auto number = [&text](std::uint64_t value, char after, int base = 16) {
        std::array<char, 20> digits;
        text.append(digits.data(),
                    std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr);
        text += after;
    };
    number(found.vma_start, '-');
    number(found.vma_end, ' ');
    for (unsigned bit = 0; bit < 4; ++bit) // PROCMAP_QUERY_VMA_READABLE and so on
        text += (found.vma_flags >> bit & 1) != 0 ? "rwxs"[bit] : "---p"[bit];
    text += ' ';
    number(found.vma_offset, ' ');
    number(found.dev_major, ':');
    number(found.dev_minor, ' ');
    number(found.inode, ' ', 10);
    for (std::uint32_t i = 0; i + 1 < found.vma_name_size; ++i)
        if (name[i] == '\n')
            text += "\\012"; // as the kernel's text has it
        else
            text += name[i];
    text += '\n';
}

} // namespace gup::inline GUP_NAMESPACE::detail
