// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The command line of dedup_cache.

#include "../common/command_line.hpp"

#include <cstddef>
#include <filesystem>
#include <getopt.h>
#include <optional>
#include <string>
#include <vector>

namespace dedup_cache {

constexpr auto help =
    "Usage: dedup_cache [OPTION]... FILE...\n"
    "Reads files into a cache of pinned pages in which blocks of equal content share one page, and\n"
    "says how much pinned memory that saves.\n"
    "\n"
    "  --block SIZE    bytes of a block: a power of two from 4K to 1M (4K)\n"
    "  --pages N       pages of the cache, from 16 to 1M (as many as there are blocks, but not more\n"
    "                  than 16K or than half of the limit of locked memory)\n"
    "  --verify        compare every cached block with its file once more\n"
    "  --write TEXT    put TEXT at the beginning of the block that has the most names, through the\n"
    "                  first of them, and prove that all others keep the old content\n"
    "  --save          write the block that --write changed back to its file; without it no file\n"
    "                  is changed\n"
    "  --help          print this\n"
    "\n"
    "A page is known by several names, each a file and the number of a block in it. When no page is\n"
    "free the one that was read first loses its names.\n"
    "Memory that cannot be pinned is used unregistered, with a message. The summary goes to\n"
    "standard output; a progress bar to standard error if that is a terminal.\n"
    "Exit status: 0 if all went well, 1 if not, 2 for a wrong command line.\n";

struct options {
    bool help = false;
    bool verify = false;
    bool save = false;
    std::size_t block = 4096;
    std::optional<std::size_t> pages{};
    std::optional<std::string> text{};
    std::vector<std::filesystem::path> files{};
};

/// Throws usage_error.
inline options parse(int count, char** arguments) {
    using examples::usage_error;
    static constexpr option known[] = {
        {"block", required_argument, nullptr, 'b'},
        {"pages", required_argument, nullptr, 'p'},
        {"verify", no_argument, nullptr, 'v'},
        {"write", required_argument, nullptr, 'w'},
        {"save", no_argument, nullptr, 's'},
        {"help", no_argument, nullptr, 'h'},
        {nullptr, 0, nullptr, 0},
    };
    options chosen;
    for (int letter = 0; (letter = ::getopt_long(count, arguments, "h", known, nullptr)) != -1;) {
        if (letter == 'b')
            chosen.block = examples::parse_power(optarg, 4096, std::size_t{1} << 20);
        else if (letter == 'p')
            chosen.pages = examples::parse_number(optarg, 16, std::size_t{1} << 20);
        else if (letter == 'v')
            chosen.verify = true;
        else if (letter == 'w')
            chosen.text = optarg;
        else if (letter == 's')
            chosen.save = true;
        else if (letter == 'h')
            chosen.help = true;
        else
            throw usage_error("");
    }
    if (chosen.help) return chosen;
    chosen.files.assign(arguments + optind, arguments + count);
    if (chosen.files.empty()) throw usage_error("which files?");
    if (chosen.save && !chosen.text) throw usage_error("--save has nothing to save without --write");
    if (chosen.text && (chosen.text->empty() || chosen.text->size() > chosen.block))
        throw usage_error("the text of --write has 1 byte to one block");
    return chosen;
}

} // namespace dedup_cache
