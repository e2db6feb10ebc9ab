// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What an NVMe controller and its driver say to each other: registers, commands, completions. The names are
/// those of the NVM Express Base Specification.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace nvme {

static_assert(std::endian::native == std::endian::little, "an NVMe controller reads little-endian numbers");

/// Offsets in BAR 0.
namespace registers {
inline constexpr std::size_t capabilities = 0x00;           // CAP, 64 bits
inline constexpr std::size_t configuration = 0x14;          // CC
inline constexpr std::size_t status = 0x1c;                 // CSTS
inline constexpr std::size_t admin_queue_attributes = 0x24; // AQA
inline constexpr std::size_t admin_submission_queue = 0x28; // ASQ, 64 bits
inline constexpr std::size_t admin_completion_queue = 0x30; // ACQ, 64 bits
inline constexpr std::size_t doorbells = 0x1000;
} // namespace registers

/// CAP.
struct capabilities {
    std::uint64_t value;

    unsigned queue_entries() const noexcept { return static_cast<unsigned>(value & 0xffff) + 1; }
    unsigned ready_half_seconds() const noexcept { return value >> 24 & 0xff; }
    std::size_t doorbell_stride() const noexcept { return std::size_t{4} << (value >> 32 & 0xf); }
    bool nvm_commands() const noexcept { return (value >> 37 & 1) != 0; }
    std::size_t smallest_page() const noexcept { return std::size_t{4096} << (value >> 48 & 0xf); }
};

/// CC: the NVM command set, pages of 4096 bytes, entries of 2^6 and 2^4 bytes.
namespace configuration {
inline constexpr std::uint32_t enable = 1;
inline constexpr std::uint32_t normal_shutdown = 1U << 14;
inline constexpr std::uint32_t entry_sizes = 6U << 16 | 4U << 20;
} // namespace configuration

/// CSTS; all ones are read from a device that is gone.
namespace status {
inline constexpr std::uint32_t ready = 1;
inline constexpr std::uint32_t fatal = 2;
inline constexpr std::uint32_t shutdown_mask = 3U << 2;
inline constexpr std::uint32_t shutdown_complete = 2U << 2;
} // namespace status

enum class admin : std::uint8_t { create_submission_queue = 1, create_completion_queue = 5, identify = 6 };
enum class io : std::uint8_t { write = 1, read = 2 };

/// A command: an entry of a submission queue.
struct command {
    std::uint8_t opcode = 0;
    std::uint8_t flags = 0;
    std::uint16_t id = 0;
    std::uint32_t name_space = 0;
    std::uint64_t reserved = 0;
    std::uint64_t metadata = 0;
    std::uint64_t prp1 = 0;
    std::uint64_t prp2 = 0;
    std::uint32_t dwords[6] = {}; ///< 10 to 15, by command
};
static_assert(sizeof(command) == 64);

/// An entry of a completion queue.
struct completion {
    std::uint32_t result;
    std::uint32_t reserved;
    std::uint16_t submission_head;
    std::uint16_t submission_queue;
    std::uint32_t id_and_status; ///< 16 bits each; the lowest of the status is the phase
};
static_assert(sizeof(completion) == 16);

} // namespace nvme
