// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the place of an io_uring_domain has beside its buffer tables: the rings, their operation records, and
/// who may still complete an operation.

#include "gup/detail/emptied_in_child.hpp"
#include "gup/detail/io_uring/ring_set.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/reference_word.hpp"
#include "gup/error.hpp"
#include "gup/page.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// Owns the rings and their records. Nothing here makes a system call.
class ring_place {
public:
    ring_place(const ring_place&) = delete;
    ring_place& operator=(const ring_place&) = delete;

    ring_set& rings() const noexcept { return *rings_; }

protected:
    ring_place(emptied_in_child<ring_set> rings, std::uint32_t random) noexcept : rings_(std::move(rings)) {
        rings_->place_ = this;
        // Marker, generation, and zeroes for ring and place. The marker is neither 0, the top of a user
        // pointer, nor 0xFFFF, the top of small negative numbers.
        rings_->first_user_data_ = std::uint64_t{1 + random % 0xFFFEu} << 48 |
                                   std::uint64_t{random >> 8} << ring_split.generation_shift;
    }
    ~ring_place() = default;
    virtual void release_deferred() noexcept = 0;

    bool belongs_to_parent() const noexcept { return process_ != this_process(); }

    void add_ring(const io_uring& handle, std::uint32_t operations) {
        ring_set& set = *rings_;
        const std::uint64_t first = set.first_user_data_ | set.count_ << ring_split.place_bits;
        owned_.push_back(
            {ring_operations::memory(operations), std::make_unique<entry_note[]>(handle.sq.ring_entries)});
        const owned_ring& owned = owned_.back();
        ring_set::covered_ring& ring = set.rings_[set.count_];
        ring.handle = &handle;
        ring.entries_bytes = handle.sq.ring_entries * (sizeof(io_uring_sqe) << entry_shift(handle));
        ring.notes = owned.notes.get();
        ring.told_to = handle.sq.sqe_head;
        std::construct_at(&ring.operations, owned.operations, first);
        set.add(ring, handle.sq.sqes);
    }

    /// What a release left to another thread than the calling one, if anything.
    void note_unsettled(bool something) noexcept {
        refused_on_.store(something ? std::this_thread::get_id() : std::thread::id{},
                          std::memory_order_relaxed);
        rings_->set_unsettled(something || without_handle_);
    }

    /// The program has let go of its last handle: none of its operations with a record can be completed any
    /// more.
    void end_records() noexcept {
        without_handle_.store(true, std::memory_order_relaxed);
        rings_->set_unsettled(true); // tells whoever prepares another one
    }
    /// What becomes of those in flight on a ring. If it is closed, nobody else takes over the page of a pool
    /// of fixed buffers that is put: the kernel has pins of its own for what it has not cancelled yet. Other
    /// memory it may still write to where that is mapped.
    void end_operations(std::size_t ring, bool closed) noexcept {
        ring_operations& table = rings_->rings_[ring].operations;
        table.for_each_in_flight([&](ring_operations::record& over) {
            const operation_type& type = *over.type;
            const bool pinned = ring_access::fixed(*over.binding.load(std::memory_order_relaxed));
            const std::uintptr_t word = table.finish(over);
            if (closed && pinned && !page_access::dynamic(page_of(word)) && type.drop(word)) return;
            report_release_failure({closed ? "closing a ring with an operation in flight"
                                           : "dropping an io_uring_domain with an operation in flight",
                                    {},
                                    pinned_memory_of(word)});
        });
    }

private:
    friend class ring_set;
    struct owned_ring {
        ring_operations::memory operations;
        std::unique_ptr<entry_note[]> notes;
    };

    const process_identity process_ = this_process();
    std::vector<owned_ring> owned_;
    const emptied_in_child<ring_set> rings_;
    std::atomic<std::thread::id> refused_on_{}; // the last thread that was not the one to release
    std::atomic<bool> without_handle_{false};
};

inline bool ring_set::belongs_to_parent() const noexcept {
    return place_ == nullptr || place_->belongs_to_parent();
}

[[gnu::cold, gnu::noinline]] inline bool ring_set::settle_here() noexcept {
    if (place_->refused_on_.load(std::memory_order_relaxed) != std::this_thread::get_id())
        place_->release_deferred();
    return !place_->without_handle_.load(std::memory_order_relaxed);
}

} // namespace gup::inline GUP_NAMESPACE::detail
