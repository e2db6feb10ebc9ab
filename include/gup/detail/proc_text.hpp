// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Fields and numbers in the text of /proc and /sys files.

#include "gup/version.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace gup::inline GUP_NAMESPACE::detail {

/// The text after `key` in the line of a /proc file that begins with it; empty if there is none.
inline std::string_view proc_field(std::string_view text, std::string_view key) noexcept {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.starts_with(key)) {
            const std::size_t start = line.find_first_not_of(" \t", key.size());
            return start == std::string_view::npos ? std::string_view{} : line.substr(start);
        }
        text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    }
    return {};
}

/// The number that `text` begins with; empty if it begins with none.
inline std::optional<std::uint64_t> leading_number(std::string_view text, int base = 10) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{}) return std::nullopt;
    return value;
}

/// A field of a /proc file given in kB, in bytes.
inline std::optional<std::uint64_t> proc_kilobytes(std::string_view text, std::string_view key) noexcept {
    const auto kilobytes = leading_number(proc_field(text, key));
    if (!kilobytes) return std::nullopt;
    return *kilobytes * 1024;
}

/// An address as /proc files show it, with 0x in front.
inline std::string hexadecimal(std::uintptr_t address) {
    std::array<char, 2 * sizeof address> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), address, 16).ptr;
    return "0x" + std::string(digits.data(), end);
}

} // namespace gup::inline GUP_NAMESPACE::detail
