// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Entries that do nothing: what an operation leaves that was refused or taken back, since liburing cannot
/// take back an entry that it has handed out. Submissions leave them out.

#include "gup/detail/io_uring/ring_set.hpp"

#include <cstdint>
#include <cstring>
#include <liburing.h>

namespace gup::inline GUP_NAMESPACE::detail {

/// What such an entry has where a no-op of the program's has zero, and the kernel does not look.
inline constexpr std::uint64_t mark_of_idle = 0x656c'6469'2070'7567;

/// Makes an entry do nothing; `flags` tie it to its neighbours. It is not silent (IOSQE_CQE_SKIP_SUCCESS),
/// even if it is submitted after all: a ring that had a silent entry refuses IOSQE_IO_DRAIN from then on.
inline void make_idle(io_uring_sqe& sqe, unsigned flags) noexcept {
    io_uring_prep_nop(&sqe);
    sqe.off = mark_of_idle;
    sqe.flags = static_cast<std::uint8_t>(flags);
    sqe.user_data = user_data_of_none;
}
/// True if nobody misses the entry. What comes after one that drains waits for what comes before it.
inline bool is_idle(const io_uring_sqe& sqe) noexcept {
    return sqe.opcode == IORING_OP_NOP && sqe.off == mark_of_idle && sqe.user_data == user_data_of_none &&
           (sqe.flags & IOSQE_IO_DRAIN) == 0;
}

/// Takes idle entries out of what is to be submitted, and puts back in the end what the kernel did not come
/// to, so that each entry of the program's that is still in the queue is where it was.
class idle_entries {
public:
    idle_entries(ring_set::covered_ring& covered, io_uring& ring) noexcept
        : covered_(covered), ring_(ring), tail_(ring.sq.sqe_tail) {
        const unsigned first = first_unsubmitted(ring);
        unsigned to = first;
        for (unsigned at = first; at != tail_; ++at) {
            const io_uring_sqe& sqe = entry_at(ring, at);
            const bool idle = is_idle(sqe);
            covered.note_at(at).flags = static_cast<std::uint16_t>(sqe.flags | (idle ? left_out : 0U));
            if (!idle)
                move(at, to++);
            else if (to != first && !is_linked_to_next(sqe)) // the next is of another chain
                entry_at(ring, to - 1).flags &= static_cast<std::uint8_t>(~links);
        }
        set_tail(to, first);
        for (; to != tail_; ++to)
            entry_at(ring, to).user_data = user_data_of_none; // liburing leaves it there
    }
    idle_entries(const idle_entries&) = delete;
    idle_entries& operator=(const idle_entries&) = delete;
    ~idle_entries() {
        const unsigned first = first_unsubmitted(ring_);
        unsigned from = ring_.sq.sqe_tail;
        if (from == first) return;
        for (unsigned at = tail_; at != first;) {
            const unsigned flags = covered_.note_at(--at).flags;
            if ((flags & left_out) != 0 || from == first) {
                make_idle(entry_at(ring_, at), (flags & left_out) != 0 ? flags : 0);
            } else {
                move(--from, at);
                entry_at(ring_, at).flags = static_cast<std::uint8_t>(flags);
            }
        }
        ring_.sq.sqe_tail = tail_;
    }

private:
    static constexpr unsigned left_out = 0x100; // beside the flags that an entry had
    static constexpr unsigned links = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;

    void move(unsigned from, unsigned to) noexcept {
        if (from != to)
            std::memcpy(&entry_at(ring_, to), &entry_at(ring_, from),
                        sizeof(io_uring_sqe) << entry_shift(ring_));
    }
    /// Without a polling kernel thread entries that were flushed are not the kernel's until it is asked.
    void set_tail(unsigned tail, unsigned first) noexcept {
        ring_.sq.sqe_tail = tail;
        if ((ring_.flags & IORING_SETUP_SQPOLL) != 0) return;
        ring_.sq.sqe_head = first;
        __atomic_store_n(ring_.sq.ktail, first, __ATOMIC_RELEASE);
    }

    ring_set::covered_ring& covered_;
    io_uring& ring_;
    const unsigned tail_;
};

} // namespace gup::inline GUP_NAMESPACE::detail
