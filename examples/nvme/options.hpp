// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The command line of nvme_read.

#include "../common/command_line.hpp"

#include "command.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <getopt.h>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace nvme {

constexpr auto help =
    "Usage: nvme_read [--namespace N] [--output FILE] DEVICE LBA COUNT\n"
    "       nvme_read [--namespace N] --depth N [--queues N] DEVICE LBA COUNT\n"
    "       nvme_read [--namespace N] --verify-write DEVICE LBA COUNT\n"
    "Reads COUNT blocks of an NVMe disk from block LBA on, with a driver of its own on top of VFIO.\n"
    "DEVICE is the disk's PCI address, as in 0000:00:05.0, and bound to vfio-pci: never the disk\n"
    "that this system runs from. Without an option the first bytes of each block are printed.\n"
    "\n"
    "  --namespace N    of the disk (1)\n"
    "  --output FILE    write all that is read to a file instead\n"
    "  --depth N        only read, in commands of 4 KiB of which N are under way at a time, from 1 to\n"
    "                   63, and say how many were done in a second; it does not sleep meanwhile\n"
    "  --queues N       with --depth: share the blocks among N threads, each with N commands under\n"
    "                   way in a queue of its own, from 1 to 64 (1)\n"
    "  --verify-write   DESTRUCTIVE: overwrite the blocks with a pattern, read it back and compare,\n"
    "                   then put back what was there, part by part. A signal such as that of Ctrl-C\n"
    "                   is heeded when a part is restored, and a controller that does not answer is\n"
    "                   reset to restore it. If the program is killed (SIGKILL), or the disk fails,\n"
    "                   up to 512 KiB keep the pattern.\n"
    "  --help           print this\n"
    "\n"
    "Exit status: 0 if all was done, 1 if not, 2 for a wrong command line.\n";

struct options {
    bool help = false;
    bool verify_write = false;
    std::uint32_t name_space = 1;
    std::optional<std::size_t> depth{};
    unsigned queues = 1;
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
        {"namespace", required_argument, nullptr, 'n'},
        {"output", required_argument, nullptr, 'o'},
        {"depth", required_argument, nullptr, 'd'},
        {"queues", required_argument, nullptr, 'q'},
        {"verify-write", no_argument, nullptr, 'v'},
        {"help", no_argument, nullptr, 'h'},
        {nullptr, 0, nullptr, 0},
    };
    options chosen;
    std::optional<std::size_t> queues;
    for (int letter = 0; (letter = ::getopt_long(count, arguments, "h", known, nullptr)) != -1;) {
        if (letter == 'n')
            chosen.name_space = static_cast<std::uint32_t>(examples::parse_number(optarg, 1, 0xfffffffe));
        else if (letter == 'd')
            chosen.depth = examples::parse_number(optarg, 1, 63);
        else if (letter == 'q')
            queues = examples::parse_number(optarg, 1, 64);
        else if (letter == 'o')
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
    if (chosen.depth && (chosen.verify_write || !chosen.output.empty()))
        throw usage_error("--depth only measures: it goes with neither --output nor --verify-write");
    if (queues && !chosen.depth) throw usage_error("--queues goes with --depth");
    chosen.queues = static_cast<unsigned>(queues.value_or(1));
    chosen.device = arguments[optind];
    chosen.blocks = {parse_block(arguments[optind + 1]), parse_block(arguments[optind + 2])};
    if (chosen.blocks.blocks == 0) throw usage_error("no blocks are asked for");
    if (chosen.blocks.blocks - 1 > std::numeric_limits<std::uint64_t>::max() - chosen.blocks.first)
        throw usage_error("there are no such blocks: their numbers have 64 bits");
    return chosen;
}

} // namespace nvme
