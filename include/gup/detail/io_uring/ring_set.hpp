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
    /// One ring as the hot path sees it. Its size is a power of two, so that counting rings takes no division.
    struct alignas(64) covered_ring {
        const io_uring*
            handle; // read only while the caller shows, by passing one of its entries, that it is alive
        std::uintptr_t entries; // address of the submission entries
        std::size_t entries_bytes;
        unsigned features;
        std::uint64_t mark; // of every user_data made for this ring
        std::unique_ptr<operation_table> operations;
    };

    ring_set(std::uint32_t random, slot_range slots) noexcept
        : slots_(slots), marker_(1 + random % 0xFFFEu), first_generation_(random >> 8) {}
    ring_set(const ring_set&) = delete;
    ring_set& operator=(const ring_set&) = delete;

    /// The ring that a submission entry belongs to; null if it is none of this domain.
    covered_ring* ring_of(const io_uring_sqe& sqe) noexcept {
        for (covered_ring& r : rings_)
            if (reinterpret_cast<std::uintptr_t>(&sqe) - r.entries < r.entries_bytes) return &r;
        return nullptr;
    }

    /// What tells the completion of this operation from every other: marker, generation, slot.
    std::uint64_t user_data_of(const covered_ring& r, const operation& o) const noexcept {
        return r.mark | std::uint64_t{o.generation} << 24 | r.operations->slot_of(o);
    }

    /// True if user_data was made by this set of rings, be the operation over or not.
    bool marks(std::uint64_t user_data) const noexcept { return user_data >> 48 == marker_; }

    struct found {
        operation_table* table = nullptr;
        operation* record = nullptr;
    };
    /// The operation in flight that made this user_data; nothing if there is none.
    found find(std::uint64_t user_data) const noexcept {
        const auto place = static_cast<std::uint32_t>(user_data & 0xFFFFFF);
        const std::uint32_t number = place >> place_shift_;
        const std::uint32_t slot = place & ((std::uint32_t{1} << place_shift_) - 1);
        if (!marks(user_data) || number >= rings_.size()) return {};
        operation_table& table = *rings_[number].operations;
        if (slot >= table.size()) return {};
        operation& o = table[slot];
        if (o.generation != (user_data >> 24 & 0xFFFFFF) || o.word.load(std::memory_order_relaxed) == 0)
            return {};
        return {&table, &o};
    }

    /// True if this entry is one of our operations, as far as an entry shows: one that uses our slots may
    /// have a user_data of the program's.
    bool may_own(const io_uring_sqe& sqe) const noexcept {
        if (find(sqe.user_data).record != nullptr) return true;
        const bool fixed = sqe.opcode == IORING_OP_READ_FIXED || sqe.opcode == IORING_OP_WRITE_FIXED ||
                           (sqe.opcode == IORING_OP_SEND_ZC && (sqe.ioprio & IORING_RECVSEND_FIXED_BUF) != 0);
        return fixed && sqe.buf_index - slots_.first < slots_.count;
    }

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

    /// Records of one ring at most: slot and number of the ring share 24 bits.
    static constexpr std::uint32_t most_operations = std::uint32_t{1} << 20;
    static constexpr std::size_t most_rings = 16;

protected:
    ~ring_set() = default;
    virtual void release_deferred() noexcept = 0;

    void add_ring(const io_uring& handle, std::uint32_t operations) {
        const std::size_t entry_bytes = sizeof(io_uring_sqe) << ((handle.flags & IORING_SETUP_SQE128) != 0);
        const std::uint64_t mark =
            std::uint64_t{marker_} << 48 | static_cast<std::uint64_t>(rings_.size()) << place_shift_;
        rings_.push_back({&handle, reinterpret_cast<std::uintptr_t>(handle.sq.sqes),
                          handle.sq.ring_entries * entry_bytes, handle.features, mark,
                          std::make_unique<operation_table>(operations, first_generation_)});
    }

    const slot_range slots_;
    std::atomic<bool> unsettled_{false};

private:
    [[gnu::cold, gnu::noinline]] void settle_here() noexcept {
        if (made_on_ == std::this_thread::get_id()) release_deferred();
    }

    std::vector<covered_ring> rings_;
    std::uint32_t
        marker_; // neither 0, the top of a user pointer, nor 0xFFFF, the top of small negative numbers
    std::uint32_t first_generation_;
    const std::thread::id made_on_ = std::this_thread::get_id(); // the submitter, if there can be only one
    static constexpr unsigned place_shift_ = 20;                 // most_operations
};

/// True if the kernel cannot have taken this entry yet. The ring must be alive.
inline bool not_submitted(const io_uring& ring, const io_uring_sqe& sqe) noexcept {
    // with a polling kernel thread everything that was flushed may be gone, without one only what
    // io_uring_enter took
    const unsigned head = (ring.flags & IORING_SETUP_SQPOLL) != 0
                              ? ring.sq.sqe_head
                              : __atomic_load_n(ring.sq.khead, __ATOMIC_ACQUIRE);
    const unsigned shift = (ring.flags & IORING_SETUP_SQE128) != 0;
    for (unsigned at = head; at != ring.sq.sqe_tail; ++at)
        if (&ring.sq.sqes[(at & ring.sq.ring_mask) << shift] == &sqe) return true;
    return false;
}

} // namespace gup::detail
