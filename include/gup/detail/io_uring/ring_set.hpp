// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What prepare and complete need to know of a domain: its rings, their operation records, and where in the
/// buffer table a page lies. Nothing here makes a system call.

#include "gup/detail/io_uring/operation_table.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <memory>
#include <thread>
#include <vector>

namespace gup::detail {

class ring_set;

/// The entries of the rings' buffer tables that are the domain's.
struct slot_range {
    unsigned first = 0;
    unsigned count = 0;
    bool callers_table = false; // the caller made the table and lends us these slots
};

/// Where the memory of a registration lies in the buffer tables of its domain.
struct ring_binding {
    ring_set* rings = nullptr;
    std::uintptr_t base = 0;                      // address that the first slot begins with
    int first_slot = unpinned;                    // the same on every ring
    mutable std::atomic<std::uint32_t> tokens{0}; // in_flight tokens out; records are counted in their tables

    static constexpr int unpinned = -1;
    static constexpr unsigned slot_shift = 30; // one slot covers at most 1 GiB

    ring_binding() = default;
    ring_binding(ring_set* set, std::uintptr_t begin, int slot) noexcept
        : rings(set), base(begin), first_slot(slot) {}

    int slot_of(std::uintptr_t address) const noexcept {
        return first_slot + static_cast<int>((address - base) >> slot_shift);
    }
};

/// The rings of one domain.
class ring_set {
public:
    /// One ring as the hot path sees it. Its size is a power of two, so that counting rings takes no
    /// division.
    struct alignas(64) covered_ring {
        const io_uring*
            handle; // read only while the caller shows, by passing one of its entries, that it is alive
        std::uintptr_t entries; // address of the submission entries
        std::size_t entries_bytes;
        unsigned features;
        std::unique_ptr<operation_table> operations;
    };

    ring_set(std::uint32_t random, slot_range slots) noexcept
        : slots_(slots),
          first_user_data_(std::uint64_t{1 + random % 0xFFFEu} << 48 | std::uint64_t{random >> 8}
                                                                           << operation::generation_shift) {}
    ring_set(const ring_set&) = delete;
    ring_set& operator=(const ring_set&) = delete;

    /// The ring that a submission entry belongs to; null if it is none of this domain.
    covered_ring* ring_of(const io_uring_sqe& sqe) noexcept {
        for (covered_ring& r : rings_)
            if (reinterpret_cast<std::uintptr_t>(&sqe) - r.entries < r.entries_bytes) return &r;
        return nullptr;
    }

    struct found {
        operation_table* table = nullptr;
        operation* record = nullptr;
    };
    /// The operation in flight that made this user_data; nothing if there is none.
    found find(std::uint64_t user_data) const noexcept {
        const std::uint64_t number = (user_data >> operation_table::place_bits) & (most_rings - 1);
        if (number >= rings_.size()) return {};
        operation_table& table = *rings_[number].operations;
        return {&table, table.find(user_data)};
    }

    /// True if this entry is one of our operations, as far as an entry shows: one that uses our slots may
    /// have a user_data of the program's.
    bool may_own(const io_uring_sqe& sqe) const noexcept {
        if (find(sqe.user_data).record != nullptr) return true;
        const bool fixed = sqe.opcode == IORING_OP_READ_FIXED || sqe.opcode == IORING_OP_WRITE_FIXED ||
                           (sqe.opcode == IORING_OP_SEND_ZC && (sqe.ioprio & IORING_RECVSEND_FIXED_BUF) != 0);
        return fixed && sqe.buf_index - slots_.first < slots_.count;
    }

    /// What the kernel of the rings can do (IORING_FEAT_...).
    unsigned features() const noexcept { return rings_.front().features; }

    /// Does what only this thread may do and an earlier release had to leave.
    void settle() noexcept {
        if (unsettled_.load(std::memory_order_relaxed)) [[unlikely]]
            settle_here();
    }

    std::size_t operations_in_flight(const ring_binding& binding) const noexcept {
        std::size_t sum = 0;
        for (const covered_ring& r : rings_) sum += r.operations->count(binding);
        return sum;
    }

    static constexpr std::uint32_t most_operations = std::uint32_t{1} << operation_table::place_bits;
    static constexpr std::size_t most_rings = std::size_t{1}
                                              << (operation::generation_shift - operation_table::place_bits);

protected:
    ~ring_set() = default;
    virtual void release_deferred() noexcept = 0;

    void add_ring(const io_uring& handle, std::uint32_t operations) {
        const std::size_t entry_bytes = sizeof(io_uring_sqe) << ((handle.flags & IORING_SETUP_SQE128) != 0);
        const std::uint64_t first = first_user_data_ | rings_.size() << operation_table::place_bits;
        rings_.push_back({&handle, reinterpret_cast<std::uintptr_t>(handle.sq.sqes),
                          handle.sq.ring_entries * entry_bytes, handle.features,
                          std::make_unique<operation_table>(operations, first)});
    }

    const slot_range slots_;
    std::atomic<bool> unsettled_{false};
    std::atomic<std::thread::id> refused_on_{}; // the last thread that was not the one to release

private:
    [[gnu::cold, gnu::noinline]] void settle_here() noexcept {
        if (refused_on_.load(std::memory_order_relaxed) != std::this_thread::get_id()) release_deferred();
    }

    std::vector<covered_ring> rings_;
    // Marker, generation, and zeroes for ring and place. The marker is neither 0, the top of a user pointer,
    // nor 0xFFFF, the top of small negative numbers.
    const std::uint64_t first_user_data_;
};

/// The place in the submission queue from which on the kernel cannot have taken entries. The ring must be
/// alive.
inline unsigned first_unsubmitted(const io_uring& ring) noexcept {
    // with a polling kernel thread everything that was flushed may be gone, without one only what
    // io_uring_enter took
    return (ring.flags & IORING_SETUP_SQPOLL) != 0 ? ring.sq.sqe_head
                                                   : __atomic_load_n(ring.sq.khead, __ATOMIC_ACQUIRE);
}

inline io_uring_sqe& entry_at(const io_uring& ring, unsigned place) noexcept {
    const unsigned shift = (ring.flags & IORING_SETUP_SQE128) != 0;
    return ring.sq.sqes[(place & ring.sq.ring_mask) << shift];
}

inline bool is_linked_to_next(const io_uring_sqe& sqe) noexcept {
    return (sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
}

/// How an entry stands in the submission queue.
enum class queue_state : std::uint8_t { submitted, heads_chain, follows_in_chain };

/// Submitted means that the kernel may have taken it. The ring must be alive.
inline queue_state state_of(const io_uring& ring, const io_uring_sqe& sqe) noexcept {
    queue_state state = queue_state::heads_chain;
    for (unsigned at = first_unsubmitted(ring); at != ring.sq.sqe_tail; ++at) {
        const io_uring_sqe& here = entry_at(ring, at);
        if (&here == &sqe) return state;
        state = is_linked_to_next(here) ? queue_state::follows_in_chain : queue_state::heads_chain;
    }
    return queue_state::submitted;
}

} // namespace gup::detail
