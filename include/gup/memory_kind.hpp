// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a pool's memory is made of: needed to choose between small pages, huge pages and memory that another
/// process or a second address can share.

#include "gup/version.hpp"

#include <cstddef>
#include <cstdint>

namespace gup::inline GUP_NAMESPACE {

/// The kinds of memory that gup maps.
enum class memory_kind : std::uint8_t {
    automatic,        ///< transparent_huge from 2 MiB on where the machine has them, else small_pages
    small_pages,      ///< anonymous, the system's base page size, never collapsed into huge pages
    transparent_huge, ///< anonymous, 2 MiB pages as far as the kernel finds any when the memory is touched or
                      ///< pinned
    hugetlb,          ///< anonymous, 2 MiB pages from the reserve of the machine's administrator; all or none
    memfd             ///< shared memory with a descriptor; pages as shmem_enabled of the machine decides
};

/// The name of a kind as a user reads it.
constexpr const char* to_string(memory_kind kind) noexcept {
    switch (kind) {
    case memory_kind::automatic:
        return "automatic";
    case memory_kind::small_pages:
        return "small pages";
    case memory_kind::transparent_huge:
        return "transparent huge pages";
    case memory_kind::hugetlb:
        return "hugetlb pages";
    case memory_kind::memfd:
        return "memfd";
    }
    return "unknown";
}

/// Bytes of one huge page, of either kind.
inline constexpr std::size_t huge_page_size = std::size_t{2} << 20;

} // namespace gup::inline GUP_NAMESPACE
