// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a check of doctor returns, and the helpers that all checks use.

#include "gup/kernel.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace doctor {

enum class status { ok, limited, missing };

/// One line of the report. `next` says how to get more; empty if there is nothing to do.
struct finding {
    status state;
    std::string subject;
    std::string found;
    std::string next;
};

inline const char* to_string(status state) {
    return state == status::ok ? "ok" : state == status::limited ? "limited" : "missing";
}

/// "8 MiB": the largest unit of which `bytes` is a whole number.
inline std::string with_unit(std::uint64_t bytes) {
    static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; unit < 4 && bytes != 0 && bytes % 1024 == 0; ++unit) bytes /= 1024;
    return std::to_string(bytes) + " " + units[unit];
}

/// "8388608 bytes (8 MiB)"
inline std::string in_bytes(std::uint64_t bytes) {
    const std::string text = std::to_string(bytes) + " bytes";
    return bytes == 0 || bytes % 1024 != 0 ? text : text + " (" + with_unit(bytes) + ")";
}

/// "EPERM: Operation not permitted"
inline std::string error_text(int code) {
    const char* const name = ::strerrorname_np(code);
    return (name != nullptr ? name : std::to_string(code)) + (": " + std::generic_category().message(code));
}

/// The text of a file of /proc or /sys without its last line end; empty if it cannot be read.
inline std::string read_line(const std::string& path) {
    std::string text;
    gup::system_kernel::read_text(path.c_str(), text);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

/// The number in such a file; 0 if there is none.
inline std::uint64_t read_number(const std::string& path) {
    return std::strtoull(read_line(path).c_str(), nullptr, 10);
}

/// The sorted names in a directory; none if it is not there.
inline std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

/// A check that was tried for real: `result` is 0 or -errno.
inline finding tried(std::string subject, int result, std::string works, std::string next) {
    if (result >= 0) return {status::ok, std::move(subject), std::move(works), {}};
    if (result == -EMFILE || result == -ENFILE)
        next = "raise the number of open files with `ulimit -n` or `sysctl fs.file-max`";
    return {status::missing, std::move(subject), error_text(-result), std::move(next)};
}

} // namespace doctor
