// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The command line of nvme_read.

#include "../common/command_line.hpp"

#include "disk.hpp"

#include <charconv>
#include <cstdint>
#include <getopt.h>
#include <limits>
#include <string>
#include <string_view>

namespace nvme {

constexpr auto help =
    "Usage: nvme_read [--output FILE] DEVICE LBA COUNT\n"
    "       nvme_read --verify-write DEVICE LBA COUNT\n"
    "Reads COUNT blocks of an NVMe disk from block LBA on, with a driver of its own on top of VFIO.\n"
    "DEVICE is the disk's PCI address, as in 0000:00:05.0, and bound to vfio-pci: never the disk\n"
    "that this system runs from. Without an option the first bytes of each block are printed.\n"
    "\n"
    "  --output FILE    write all that is read to a file instead\n"
    "  --verify-write   DESTRUCTIVE: overwrite the blocks with a pattern, read it back and compare,\n"
    "                   then put back what was there. If it is interrupted, or the disk fails, they\n"
    "                   keep the pattern.\n"
    "  --help           print this\n"
    "\n"
    "Exit status: 0 if all was done, 1 if not, 2 for a wrong command line.\n";

struct options {
    bool help = false;
    bool verify_write = false;
    std::string output{};
    std::string device{};
    extent blocks{};
};

/// A number of 64 bits.
inline std::uint64_t parse_block(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        throw examples::usage_error("'" + std::string(text) + "' is not a number of blocks");
    return number;
}

/// Throws usage_error.
inline options parse(int count, char** arguments) {
    using examples::usage_error;
    static constexpr option known[] = {
        {"output", required_argument, nullptr, 'o'},
        {"verify-write", no_argument, nullptr, 'v'},
        {"help", no_argument, nullptr, 'h'},
        {nullptr, 0, nullptr, 0},
    };
    options chosen;
    for (int letter = 0; (letter = ::getopt_long(count, arguments, "h", known, nullptr)) != -1;) {
        if (letter == 'o')
            chosen.output = optarg;
        else if (letter == 'v')
            chosen.verify_write = true;
        else if (letter == 'h')
            chosen.help = true;
        else
            throw usage_error("");
    }
    if (chosen.help) return chosen;
    if (count - optind != 3) throw usage_error("a device, a block and a number of blocks are needed");
    if (chosen.verify_write && !chosen.output.empty())
        throw usage_error("--verify-write has nothing to put into a file");
    chosen.device = arguments[optind];
    chosen.blocks = {parse_block(arguments[optind + 1]), parse_block(arguments[optind + 2])};
    if (chosen.blocks.blocks == 0) throw usage_error("no blocks are asked for");
    if (chosen.blocks.blocks - 1 > std::numeric_limits<std::uint64_t>::max() - chosen.blocks.first)
        throw usage_error("there are no such blocks: their numbers have 64 bits");
    return chosen;
}

} // namespace nvme
