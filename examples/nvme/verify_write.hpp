// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Writes a pattern to a disk, compares what comes back, and restores what was there.

#include "../common/interrupt.hpp"
#include "disk.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

namespace nvme {

/// The pattern differs in every 8 bytes of a disk.
inline std::uint64_t pattern_at(std::uint64_t byte) noexcept { return byte * 0x9e3779b97f4a7c15 + 1; }

/// Writes the pattern with one command and reads it back with many that have a page each: pages in a wrong
/// order would come back in the right one if both commands listed them so.
inline void check_pattern(disk& on, const extent& part, request& by) {
    const std::uint64_t begin = part.first * on.block_size();
    for (std::size_t i = 0; i < by.pages().size(); ++i)
        for (std::size_t offset = 0; offset < page_size; offset += sizeof(std::uint64_t)) {
            const std::uint64_t word = pattern_at(begin + i * page_size + offset);
            std::memcpy(by.pages()[i].bytes().data() + offset, &word, sizeof word);
        }
    on.run(io::write, part, by);

    const std::uint64_t step = std::max<std::uint64_t>(1, page_size / on.block_size());
    for (extent left = part; left.blocks > 0;) {
        const extent piece{left.first, std::min(step, left.blocks)};
        left = {left.first + piece.blocks, left.blocks - piece.blocks};
        on.run(io::read, piece, by);
        for (std::size_t offset = 0; offset < on.bytes_of(piece); offset += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, by.pages()[offset / page_size].bytes().data() + offset % page_size,
                        sizeof word);
            if (word != pattern_at(piece.first * on.block_size() + offset))
                throw std::runtime_error(to_string(piece) + " do not read back as they were written");
        }
    }
}

/// Checks an extent that one command can transfer, and restores it, also if the check fails: on the medium,
/// when this returns or throws.
inline void verify_part(disk& on, const extent& part) {
    request& kept = on.requests()[0];
    on.run(io::read, part, kept);
    std::exception_ptr failure;
    try {
        try {
            check_pattern(on, part, on.requests()[1]);
        } catch (const controller_failed&) {
            failure = std::current_exception();
            on.reset(); // or a write that is still on its way could come last
        } catch (...) {
            failure = std::current_exception();
        }
        on.run(io::write, part, kept, durable::at_once);
    } catch (const std::exception& error) {
        throw std::runtime_error(error.what() + ("; " + to_string(part)) + " may hold the pattern");
    }
    if (failure) std::rethrow_exception(failure);
}

/// Checks any extent, part by part, and calls `done(bytes)` after each. Throws examples::interrupted between
/// two parts if a signal has asked for it: nothing holds the pattern then.
template <class Done>
void verify_write(disk& on, extent all, Done done) {
    while (all.blocks > 0) {
        examples::throw_if_interrupted();
        const extent part = on.take(all);
        verify_part(on, part);
        done(on.bytes_of(part));
    }
    on.flush(on.requests()[0]);
}

} // namespace nvme
