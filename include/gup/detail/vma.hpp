// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The mappings of this process as /proc/self/maps shows them: needed where the kernel treats the parts of
/// one range differently and says so to nobody.

#include "gup/detail/page_range.hpp"
#include "gup/detail/proc_text.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace gup::inline GUP_NAMESPACE::detail {

/// One mapping.
struct vma {
    page_range pages{};
    bool readable = false;
    bool writable = false;
    bool executable = false;
    bool shared = false;        ///< MAP_SHARED
    std::uint64_t offset = 0;   ///< in its file, in bytes
    std::uint64_t device = 0;   ///< of its file: major and minor number
    std::uint64_t inode = 0;    ///< of its file; 0 for anonymous private memory
    std::string_view name = {}; ///< of its file, or what the kernel calls it

    /// May be read, written or executed at all.
    constexpr bool accessible() const noexcept { return readable || writable || executable; }
};

/// Takes a number, up to `stop`, from the front of a text; empty if there is none.
inline std::optional<std::uint64_t> take_number(std::string_view& text, int base, char stop) noexcept {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || after == end || *after != stop) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(after - text.data()) + 1);
    return value;
}

/// One line of /proc/self/maps; empty if it does not begin as one. What a shorter line does not tell is left
/// at its default.
inline std::optional<vma> parse_vma(std::string_view line) noexcept {
    const auto begin = take_number(line, 16, '-');
    const auto end = begin ? take_number(line, 16, ' ') : std::nullopt;
    if (!end || line.size() < 4) return std::nullopt;
    vma found{.pages = {*begin, *end},
              .readable = line[0] == 'r',
              .writable = line[1] == 'w',
              .executable = line[2] == 'x',
              .shared = line[3] == 's'};
    line.remove_prefix(line.size() < 5 ? line.size() : 5);
    found.offset = take_number(line, 16, ' ').value_or(0);
    const std::uint64_t major = take_number(line, 16, ':').value_or(0);
    found.device = major << 32 | take_number(line, 16, ' ').value_or(0);
    const char* const end_of_line = line.data() + line.size();
    const char* const after = std::from_chars(line.data(), end_of_line, found.inode).ptr;
    line.remove_prefix(static_cast<std::size_t>(after - line.data()));
    const std::size_t name = line.find_first_not_of(' ');
    if (name != std::string_view::npos) found.name = line.substr(name);
    return found;
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

/// The lines of /proc/self/maps of the mappings in a range, and maybe of others: one by one where the kernel
/// can be asked for one, else all: 0 or -errno. Throws std::bad_alloc.
template <class Kernel>
int read_maps(page_range pages, std::string& maps) {
    if (Kernel::query_maps(pages, maps) == 0) return 0;
    return Kernel::read_text("/proc/self/maps", maps); // also tells a name longer than PATH_MAX
}

/// The sentence that says so if the process has about as many mappings as it may, else empty. Throws
/// std::bad_alloc.
template <class Kernel>
std::string explain_map_count(std::size_t mappings) {
    std::string text;
    const bool readable = Kernel::read_text("/proc/sys/vm/max_map_count", text) == 0;
    const auto most = readable ? leading_number(text) : std::nullopt;
    // what splits the middle of a mapping makes three of it
    if (!most || mappings + 2 <= *most) return {};
    return "the process has " + std::to_string(mappings) + " of at most " + std::to_string(*most) +
           " mappings: map or pin larger ranges, or raise it as root with `sysctl vm.max_map_count=" +
           std::to_string(2 * *most) + "`";
}
template <class Kernel>
std::string explain_map_count() {
    std::string maps;
    std::size_t mappings = 0;
    if (Kernel::read_text("/proc/self/maps", maps) != 0) return {};
    for_each_vma(maps, [&](const vma&) { ++mappings; });
    return explain_map_count<Kernel>(mappings);
}

} // namespace gup::inline GUP_NAMESPACE::detail
