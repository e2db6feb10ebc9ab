// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What may happen to a page through a reference, and what a put must say about it.

#include "gup/version.hpp"

#include <cstdint>

namespace gup::inline GUP_NAMESPACE {

/// What the holder of a reference, and a device it hands the page to, may do with the page.
enum class dma_access : std::uint8_t {
    read,      ///< nobody writes through the reference
    to_device, ///< the CPU writes, the device only reads
    read_write ///< the CPU and the device write
};

/// The decision that every put of a writable reference states.
enum class put_as : std::uint8_t {
    clean, ///< this holder changed nothing: adds nothing and clears nothing
    dirty  ///< the page was, or may have been, written through this reference
};
using enum put_as;

/// True if the CPU may write through a reference of this access.
constexpr bool cpu_may_write(dma_access access) noexcept { return access != dma_access::read; }

/// True if a device may write through a reference of this access.
constexpr bool device_may_write(dma_access access) noexcept { return access == dma_access::read_write; }

/// True if a reference of access `wide` may be narrowed to `narrow`: access never widens.
constexpr bool narrows_to(dma_access wide, dma_access narrow) noexcept { return narrow <= wide; }

} // namespace gup::inline GUP_NAMESPACE
