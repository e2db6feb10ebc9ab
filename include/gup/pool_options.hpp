// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What one asks of a pool and what one got.

#include "gup/memory_kind.hpp"

#include <cstddef>
#include <cstdint>

namespace gup::inline GUP_NAMESPACE {

/// What to do when the kernel refuses to pin.
enum class pin_fallback : std::uint8_t {
    refuse,  ///< the pool cannot be made
    unpinned ///< the pool is made of ordinary memory and says so: registered() is false, operations do plain
             ///< I/O; not even that of memory which the kernel does not bring in
};

/// What a child of fork(2) finds in place of the pool's memory. Pages that are pinned cannot be shared with
/// it until one of both writes, as others are. (posix_spawn, and so system and popen, needs nothing of this.)
enum class fork_policy : std::uint8_t {
    automatic, ///< leave_out for hugetlb pages, else copy
    copy, ///< a copy; of a memfd the memory itself. fork copies every pinned page there and then, which takes
          ///< as long as touching it for the first time, and fails with ENOMEM if memory is short: of hugetlb
          ///< pages as many must be free
    leave_out ///< nothing (MADV_DONTFORK): the pool costs fork neither time nor memory, and a child that
              ///< touches one of its pages gets SIGSEGV; it can put references and destroy the pool all the
              ///< same
};

/// How a pool is made.
struct pool_options {
    std::size_t page_size = 4096; ///< bytes: a power of two from 4096 to 1 GiB
    std::size_t pages = 0;        ///< at least one
    memory_kind memory = memory_kind::automatic;
    pin_fallback fallback = pin_fallback::refuse;
    fork_policy fork = fork_policy::automatic;
};

/// What a pool has and does.
struct pool_stats {
    std::size_t pages = 0;            ///< of the pool's page size
    std::size_t free = 0;             ///< pages that could be got now
    std::size_t pinned = 0;           ///< pages with a pinned reference out
    std::size_t in_flight = 0;        ///< operations that own a reference to one of the pages
    std::size_t bytes_registered = 0; ///< bytes that are really pinned
    std::size_t slots = 0;            ///< entries of the domain's table that the pin takes, where it has one
    memory_kind memory = memory_kind::automatic; ///< what the memory is made of
    /// Bytes of the hardware pages that back the memory, as far as the kernel tells.
    std::size_t memory_page_size = 0;
};

} // namespace gup::inline GUP_NAMESPACE
