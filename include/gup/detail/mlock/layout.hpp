// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The layout of what all releases in a process share, frozen: shared objects built with this release and
/// with others, and with other releases of Boost, count mlocks in the same objects.
///
/// If one of these assertions fails here, or the meaning of a member has to change, the counts need a new
/// layout: rename the namespace (see gup/version.hpp), then let the assertions say what is. If it is the
/// compiler's options or another version of Boost that make it fail, the program cannot share the counts.

#include "gup/detail/mlock/registry.hpp"

#include <boost/intrusive/detail/rbtree_node.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <pthread.h>
#include <type_traits>

// Of classes with bases, too: what the compilers that gup is for do there is what is to be checked.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

/// Sees what is private.
struct frozen_layout {
    using registry = mlock_registry<system_kernel>;
    using ranges = locked_ranges;
    using stock = node_stock<locked_range>;
    using node = boost::intrusive::rbtree_node<void*>;

    static_assert(sizeof(void*) == 8 && sizeof(std::size_t) == 8 && sizeof(process_identity) == 8);

    static_assert(sizeof(page_range) == 16 && offsetof(page_range, begin) == 0 &&
                  offsetof(page_range, end) == 8);
    static_assert(sizeof(lock_state) == 3 && offsetof(lock_state, held) == 0 &&
                  offsetof(lock_state, foreign) == 1 && offsetof(lock_state, on_fault) == 2);
    static_assert(sizeof(lock_piece) == 24 && offsetof(lock_piece, pages) == 0 &&
                  offsetof(lock_piece, state) == 16);
    static_assert(sizeof(lock_gap) == 24 && offsetof(lock_gap, pages) == 0 &&
                  offsetof(lock_gap, tracked) == 16);

    // a range: the node of Boost's tree, then its own
    static_assert(sizeof(node) == 32 && offsetof(node, parent_) == 0 && offsetof(node, left_) == 8 &&
                  offsetof(node, right_) == 16 && offsetof(node, color_) == 24);
    static_assert(std::is_same_v<node, boost::intrusive::rbtree_node_traits<void*, false>::node> &&
                  std::is_base_of_v<node, locked_range>);
    static_assert(sizeof(locked_range) == 88 && offsetof(locked_range, pages) == 32 &&
                  offsetof(locked_range, count) == 48 && offsetof(locked_range, state) == 56 &&
                  offsetof(locked_range, guest) == 64 && offsetof(locked_range, next) == 80);

    // all ranges: the spare nodes, the tree, which is the node above its root, the sums
    static_assert(sizeof(stock) == 16 && offsetof(stock, first_) == 0 && offsetof(stock, nodes_) == 8);
    static_assert(sizeof(ranges::set) == sizeof(node));
    static_assert(sizeof(ranges) == 88 && offsetof(ranges, stock_) == 0 && offsetof(ranges, set_) == 16 &&
                  offsetof(ranges, pins_) == 48 && offsetof(ranges, state_borders_) == 56 &&
                  offsetof(ranges, promised_) == 64 && offsetof(ranges, released_) == 72 &&
                  offsetof(ranges, locked_bytes_) == 80);

    // the counts of a process: a mutex is the C library's, whichever C++ library wraps it
    static constexpr std::size_t mutex = sizeof(pthread_mutex_t);
    static_assert(sizeof(std::mutex) == mutex && sizeof(spin_lock) == 1 && offsetof(spin_lock, taken_) == 0);
    static_assert(sizeof(registry) == 120 + mutex && offsetof(registry, process_) == 0 &&
                  offsetof(registry, page_size_) == 8 && offsetof(registry, inherited_) == 16 &&
                  offsetof(registry, calls_) == 24 && offsetof(registry, lock_) == 24 + mutex &&
                  offsetof(registry, ranges_) == 32 + mutex);
    static_assert(sizeof(std::atomic<registry*>) == 8 && sizeof(std::atomic<process_identity>) == 8);
};

} // namespace gup::process_wide_v1

#pragma GCC diagnostic pop
