// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Writes a pattern to a disk, compares what comes back, and restores what was there.

#include "disk.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nvme {

/// The pattern differs in every 8 bytes of a disk.
inline std::uint64_t pattern_at(std::uint64_t byte) noexcept { return byte * 0x9e3779b97f4a7c15 + 1; }

/// Writes the pattern with one command and reads it back with many that have a page each: pages in a wrong
/// order would come back in the right one if both commands listed them so.
inline void check_pattern(disk& on, const extent& part) {
    const std::uint64_t begin = part.first * on.block_size();
    std::vector<page> pages = on.new_pages(part);
    for (std::size_t i = 0; i < pages.size(); ++i)
        for (std::size_t offset = 0; offset < page_size; offset += sizeof(std::uint64_t)) {
            const std::uint64_t word = pattern_at(begin + i * page_size + offset);
            std::memcpy(pages[i].bytes().data() + offset, &word, sizeof word);
        }
    gup::put_user_pages(on.run(io::write, part, std::move(pages)), gup::clean);

    const std::uint64_t step = std::max<std::uint64_t>(1, page_size / on.block_size());
    for (extent left = part; left.blocks > 0;) {
        const extent piece{left.first, std::min(step, left.blocks)};
        left = {left.first + piece.blocks, left.blocks - piece.blocks};
        const std::vector<page> read = on.run(io::read, piece, on.new_pages(piece));
        const std::uint64_t bytes = piece.blocks * on.block_size();
        for (std::uint64_t offset = 0; offset < bytes; offset += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, read[offset / page_size].bytes().data() + offset % page_size, sizeof word);
            if (word != pattern_at(piece.first * on.block_size() + offset))
                throw std::runtime_error(to_string(piece) + " do not read back as they were written");
        }
    }
}

/// Checks an extent that one command can transfer, and restores it, also if the check fails.
inline void verify_write(disk& on, const extent& part) {
    std::vector<page> before = on.run(io::read, part, on.new_pages(part));
    std::exception_ptr failure;
    try {
        try {
            check_pattern(on, part);
        } catch (const controller_failed&) {
            throw; // nothing to restore with: a write that is still on its way could come last
        } catch (...) {
            failure = std::current_exception();
        }
        gup::put_user_pages(on.run(io::write, part, std::move(before)), gup::clean);
    } catch (const std::exception& error) {
        throw std::runtime_error(error.what() + ("; " + to_string(part)) + " may hold the pattern");
    }
    if (failure) std::rethrow_exception(failure);
}

} // namespace nvme
