// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The registers of an NVMe controller. The names are those of the NVM Express Base Specification.

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

/// The class of an NVMe disk in its PCI configuration space: mass storage, non-volatile memory, NVM Express.
inline constexpr std::size_t class_register = 0x08; // above the revision, 8 bits
inline constexpr std::uint32_t disk_class = 0x010802;

} // namespace nvme
