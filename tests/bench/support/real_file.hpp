// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Real data to copy and to read: the large files of this machine, one after the other, in a file of the
/// working folder.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace gup_bench {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

/// A file of this many bytes. It is kept, and found again by the next run.
class real_file {
public:
    explicit real_file(std::uint64_t bytes) : bytes_(bytes), path_("bench-input-" + std::to_string(bytes)) {
        if (complete()) return;
        write();
        if (!complete()) {
            std::filesystem::remove(path_);
            path_.clear();
        }
    }

    /// Empty if this machine has too little data or room.
    const std::string& path() const noexcept { return path_; }

private:
    using sized_file = std::pair<std::uintmax_t, std::filesystem::path>;

    bool complete() const {
        std::error_code none_yet;
        return std::filesystem::file_size(path_, none_yet) == bytes_ && !none_yet;
    }

    static std::vector<sized_file> largest_files() {
        namespace fs = std::filesystem;
        std::vector<sized_file> files;
        std::error_code unreadable;
        for (fs::recursive_directory_iterator
                 at("/usr", fs::directory_options::skip_permission_denied, unreadable),
             end;
             at != end; at.increment(unreadable)) {
            if (unreadable) break;
            std::error_code unknown;
            if (at->is_symlink(unknown) || !at->is_regular_file(unknown)) continue;
            if (const auto size = at->file_size(unknown); !unknown && size >= (1 << 20))
                files.emplace_back(size, at->path());
        }
        std::sort(files.begin(), files.end(), std::greater<>());
        return files;
    }

    /// From the largest file on; from the beginning again if all are used.
    void write() const {
        const std::vector<sized_file> files = largest_files();
        std::ofstream out(path_, std::ios::binary | std::ios::trunc);
        std::vector<char> buffer(1 << 20);
        std::uint64_t left = bytes_;
        while (left > 0 && out) {
            const std::uint64_t before = left;
            for (const auto& [size, path] : files) {
                std::ifstream in(path, std::ios::binary);
                while (left > 0 && in) {
                    in.read(buffer.data(),
                            static_cast<std::streamsize>(std::min<std::uint64_t>(left, buffer.size())));
                    out.write(buffer.data(), in.gcount());
                    left -= static_cast<std::uint64_t>(in.gcount());
                }
            }
            if (left == before) return;
        }
    }

    std::uint64_t bytes_;
    std::string path_;
};

} // namespace gup_bench
