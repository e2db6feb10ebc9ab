// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a controller says of itself and of its namespaces: the answers to Identify.

#include "memory.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace nvme {

/// What a controller says of itself.
struct identity {
    std::string model{};
    std::string serial{};
    std::string firmware{};
    std::size_t largest_transfer = 0; ///< bytes of one command (MDTS); 0 if any
};

inline identity read_identity(std::span<const std::byte> answer) {
    const auto text = [&](std::size_t offset, std::size_t length) {
        std::string found(reinterpret_cast<const char*>(answer.data()) + offset, length);
        return found.erase(found.find_last_not_of(' ') + 1);
    };
    const auto shift = std::to_integer<unsigned>(answer[77]); // MDTS
    return {.model = text(24, 40),
            .serial = text(4, 20),
            .firmware = text(64, 8),
            .largest_transfer = shift == 0 || shift > 32 ? 0 : page_size << shift};
}

/// A namespace: a disk, as far as its users are concerned.
struct geometry {
    std::uint32_t name_space = 0;
    std::uint64_t blocks = 0;
    std::size_t block_size = 0;
};

/// Throws if it cannot be read by this program.
inline geometry read_geometry(std::uint32_t name_space, std::span<const std::byte> answer) {
    geometry found{.name_space = name_space};
    std::memcpy(&found.blocks, answer.data(), sizeof found.blocks); // NSZE
    const auto format = std::to_integer<unsigned>(answer[26]);      // FLBAS
    std::uint32_t layout = 0;                                       // LBAF
    std::memcpy(&layout, answer.data() + 128 + sizeof layout * ((format & 15) | (format >> 1 & 0x30)),
                sizeof layout);
    const unsigned shift = layout >> 16 & 0xff;
    if (found.blocks == 0 || shift < 9 || shift > 16)
        throw std::runtime_error("namespace " + std::to_string(name_space) +
                                 " has no blocks that this program can read");
    if ((layout & 0xffff) != 0)
        throw std::runtime_error("namespace " + std::to_string(name_space) +
                                 " is formatted with metadata, which this program does not read");
    found.block_size = std::size_t{1} << shift;
    return found;
}

/// The numbers of the first 1024 namespaces.
inline std::vector<std::uint32_t> read_name_spaces(std::span<const std::byte> answer) {
    std::vector<std::uint32_t> found;
    for (std::uint32_t number = 0; answer.size() >= sizeof number; answer = answer.subspan(sizeof number)) {
        std::memcpy(&number, answer.data(), sizeof number);
        if (number == 0) break;
        found.push_back(number);
    }
    return found;
}

} // namespace nvme
