// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The command line of mirrored_ring.

#include "../common/command_line.hpp"

#include "gup/memlock_budget.hpp"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <getopt.h>
#include <optional>
#include <unistd.h>

namespace mirrored_ring {

constexpr auto help =
    "Usage: mirrored_ring [--size SIZE] FILE\n"
    "Numbers the lines of a file, read through a ring buffer whose memory is mapped twice in a row.\n"
    "\n"
    "  --size SIZE   bytes of the ring: a power of two from one page to 64M (64K, or less if the\n"
    "                limit of locked memory is low)\n"
    "  --help        print this\n"
    "\n"
    "A line longer than the ring comes in pieces. The lines go to standard output, a summary to\n"
    "standard error.\n"
    "Exit status: 0 if all was read, 1 if not, 2 for a wrong command line.\n";

struct options {
    bool help = false;
    std::optional<std::size_t> size{};
    std::filesystem::path file{};
};

/// As asked for; else 64 KiB or what fits into half of what may still be pinned: both views are charged.
inline std::size_t ring_size(const options& chosen) {
    constexpr std::size_t usual = 64 * 1024;
    if (chosen.size) return *chosen.size;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto room = gup::memlock_budget::read().available(gup::pin_budget::user_locked_vm);
    if (!room) return usual;
    return std::clamp(std::bit_floor(static_cast<std::size_t>(*room / 4)), page, usual);
}

/// Throws usage_error.
inline options parse(int count, char** arguments) {
    using examples::usage_error;
    static constexpr option known[] = {
        {"size", required_argument, nullptr, 's'},
        {"help", no_argument, nullptr, 'h'},
        {nullptr, 0, nullptr, 0},
    };
    options chosen;
    for (int letter = 0; (letter = ::getopt_long(count, arguments, "h", known, nullptr)) != -1;) {
        if (letter == 's')
            chosen.size = examples::parse_power(optarg, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)),
                                                std::size_t{64} << 20);
        else if (letter == 'h')
            chosen.help = true;
        else
            throw usage_error("");
    }
    if (chosen.help) return chosen;
    if (count - optind != 1) throw usage_error("one file is needed");
    chosen.file = arguments[optind];
    return chosen;
}

} // namespace mirrored_ring
