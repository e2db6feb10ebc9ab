// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The command line of uring_copy.

#include "../common/command_line.hpp"

#include "gup/memory_kind.hpp"

#include <cstddef>
#include <filesystem>
#include <getopt.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uring_copy {

constexpr auto help =
    "Usage: uring_copy [OPTION]... SOURCE... DESTINATION\n"
    "Copies files through one pool of pinned pages on one io_uring, many blocks at a time.\n"
    "\n"
    "  --verify        read both files back, from the disk if possible, and compare\n"
    "  --plain         do the same with unregistered memory, for comparison\n"
    "  --memory KIND   what the pool is made of: automatic (the default), small, transparent,\n"
    "                  hugetlb or memfd\n"
    "  --block SIZE    bytes of one page of the pool: a power of two from 8K to 64M (512K)\n"
    "  --depth N       pages, so operations in flight: from 1 to 4096 (8, or fewer if the limit\n"
    "                  of locked memory is low)\n"
    "  --help          print this\n"
    "\n"
    "Several sources need a directory as destination; symbolic links are followed; holes stay\n"
    "holes. Rights are as with cp: a new file gets the permission bits of its source less the\n"
    "umask, one that is replaced must be writable and keeps its owner, group and rights.\n"
    "\n"
    "A copy takes its place when it is complete and on the disk: whatever fails, the destination\n"
    "is as it was. Until then it has no name; where the file system cannot do that, and for the\n"
    "moment in which it replaces a file, its name is .uring_copy.PID.N. A source that changes\n"
    "meanwhile is an error; one that is only touched is read once more and compared.\n"
    "\n"
    "Memory that cannot be pinned is used unregistered, with a message. The summary goes to\n"
    "standard output; a progress bar to standard error if that is a terminal.\n"
    "Exit status: 0 if all files were copied, 1 if one was not, 2 for a wrong command line.\n";

using examples::usage_error;

/// Whether the pool's memory is to be registered with the ring.
enum class buffers { registered, plain };

struct options {
    bool help = false;
    bool verify = false;
    buffers use = buffers::registered;
    gup::memory_kind memory = gup::memory_kind::automatic;
    std::size_t block = std::size_t{512} << 10;
    std::optional<std::size_t> depth{};
    std::vector<std::filesystem::path> sources{};
    std::filesystem::path destination{};
};

inline gup::memory_kind parse_memory(std::string_view name) {
    constexpr std::pair<std::string_view, gup::memory_kind> kinds[] = {
        {"automatic", gup::memory_kind::automatic},
        {"small", gup::memory_kind::small_pages},
        {"transparent", gup::memory_kind::transparent_huge},
        {"hugetlb", gup::memory_kind::hugetlb},
        {"memfd", gup::memory_kind::memfd},
    };
    for (const auto& [known, kind] : kinds)
        if (name == known) return kind;
    throw usage_error("there is no memory '" + std::string(name) + "'");
}

inline void take_files(options& chosen, std::vector<std::filesystem::path> files) {
    if (files.size() < 2) throw usage_error("a source and a destination are needed");
    chosen.destination = std::move(files.back());
    files.pop_back();
    chosen.sources = std::move(files);
    std::error_code unknown;
    if (chosen.sources.size() > 1 && !std::filesystem::is_directory(chosen.destination, unknown))
        throw usage_error("several sources need a directory, and '" + chosen.destination.string() +
                          "' is none");
}

/// Throws usage_error.
inline options parse(int count, char** arguments) {
    static constexpr option known[] = {
        {"verify", no_argument, nullptr, 'v'},
        {"plain", no_argument, nullptr, 'p'},
        {"memory", required_argument, nullptr, 'm'},
        {"block", required_argument, nullptr, 'b'},
        {"depth", required_argument, nullptr, 'd'},
        {"help", no_argument, nullptr, 'h'},
        {nullptr, 0, nullptr, 0},
    };
    options chosen;
    for (int letter = 0; (letter = ::getopt_long(count, arguments, "h", known, nullptr)) != -1;) {
        if (letter == 'v')
            chosen.verify = true;
        else if (letter == 'p')
            chosen.use = buffers::plain;
        else if (letter == 'm')
            chosen.memory = parse_memory(optarg);
        else if (letter == 'b')
            chosen.block = examples::parse_power(optarg, 8192, std::size_t{64} << 20);
        else if (letter == 'd')
            chosen.depth = examples::parse_number(optarg, 1, 4096);
        else if (letter == 'h')
            chosen.help = true;
        else
            throw usage_error("");
    }
    if (!chosen.help) take_files(chosen, {arguments + optind, arguments + count});
    return chosen;
}

} // namespace uring_copy
