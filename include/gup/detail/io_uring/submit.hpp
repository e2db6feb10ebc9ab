// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What is looked at before a submission, and how entries are submitted.

#include "gup/detail/io_uring/complete.hpp"
#include "gup/detail/io_uring/faults.hpp"
#include "gup/detail/io_uring/idle_entries.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <liburing.h>
#include <optional>

namespace gup::inline GUP_NAMESPACE::detail {

/// Of a queue with more or fewer numbers of operations than operations were prepared: gives an entry that
/// lost its number that again, or puts the page if there is none.
inline submission_fault mend_queue(ring_set& rings, ring_set::covered_ring& covered, const io_uring& ring,
                                   bool more) noexcept {
    ring_operations& table = covered.operations;
    submission_fault fault = more ? submission_fault::copied : submission_fault::none;
    for (std::uint32_t i = 0; i != table.untold();) {
        ring_operations::record& record = table.untold(i);
        if (!is_missing(ring, record)) {
            ++i;
            continue;
        }
        io_uring_sqe* const sqe = renamed_entry_of(rings, covered, ring, record);
        if (sqe == nullptr && record.type->drop(record.word.load(std::memory_order_relaxed))) {
            table.unclaim_untold(record); // the kernel never heard of it
            fault = submission_fault::overwritten;
            continue;
        }
        ++i;
        if (sqe == nullptr || is_submitted(ring, *sqe)) continue; // nothing will bring the page back
        sqe->user_data = record.number.load(std::memory_order_relaxed);
        fault = submission_fault::renamed;
    }
    return fault;
}

/// What is prepared but not submitted.
struct queued {
    submission_fault fault = submission_fault::none;
    std::uint32_t records = 0; ///< of the ring
    bool idle = false;         ///< there are entries to leave out
};

/// Looks for operations that own a page and would complete unseen, because of a flag of their own or because
/// the kernel passes over the rest of a chain if a silent entry of it fails; that would read into other
/// memory; or whose user_data is another by now.
inline queued look_at_queue(ring_set& rings, ring_set::covered_ring& covered, const io_uring& ring) noexcept {
    queued found;
    bool silent_before = false;
    for (unsigned at = first_unsubmitted(ring); at != ring.sq.sqe_tail; ++at) {
        const io_uring_sqe& sqe = entry_at(ring, at);
        silent_before = silent_before || (sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0;
        const auto [table, record] = rings.find(sqe.user_data);
        const entry_note* const token = record == nullptr ? covered.token_in(sqe) : nullptr;
        if (record != nullptr || token != nullptr) {
            if (silent_before) return {.fault = submission_fault::unseen};
            if ((sqe.flags & IOSQE_BUFFER_SELECT) != 0) return {.fault = submission_fault::other_memory};
        }
        if (token != nullptr && token->token_user_data != sqe.user_data)
            return {.fault = submission_fault::renamed_token};
        found.records += record != nullptr && table == &covered.operations;
        found.idle = found.idle || is_idle(sqe);
        silent_before = silent_before && is_linked_to_next(sqe);
    }
    const std::uint32_t prepared = covered.operations.untold();
    if (found.records != prepared && all_are_queued(rings, covered, ring))
        found.fault = mend_queue(rings, covered, ring, found.records > prepared);
    return found;
}

/// Makes the entries that the kernel has taken nobody's: liburing hands an entry out again with its old
/// user_data, and an operation of the program's that sets none would complete one of ours. Without a polling
/// kernel thread only, with one it may still be reading.
inline void forget_entries(io_uring& ring, unsigned from) noexcept {
    if ((ring.flags & IORING_SETUP_SQPOLL) != 0) return;
    for (unsigned at = from; at != first_unsubmitted(ring); ++at)
        entry_at(ring, at).user_data = user_data_of_none;
}

/// The operations that are in the queue still are those that the kernel was not told of.
inline void note_told(ring_set& rings, ring_set::covered_ring& covered, const io_uring& ring) noexcept {
    covered.told_to = first_unsubmitted(ring);
    covered.operations.tell();
    for (unsigned at = covered.told_to; at != ring.sq.sqe_tail; ++at)
        if (const auto found = rings.find(entry_at(ring, at).user_data);
            found.record != nullptr && found.table == &covered.operations)
            found.table->keep_untold(*found.record);
}

/// True if a signal has ended the wait: there are fewer completions than were waited for after all entries
/// were submitted, and the kernel keeps a signal to itself if it has an entry taken or any completion to
/// report. A ring whose completions are polled for ends waits early by design.
inline bool wait_ended_early(const io_uring& ring, unsigned completions) noexcept {
    return (ring.flags & IORING_SETUP_IOPOLL) == 0 && first_unsubmitted(ring) == ring.sq.sqe_tail &&
           io_uring_cq_ready(&ring) < std::min(completions, ring.cq.ring_entries);
}

/// What a submission came to.
struct submission {
    int error = 0;
    int entries = 0;
    submission_fault fault = submission_fault::none; ///< if gup refused it before the kernel was asked
};

inline submission submit(ring_set& rings, io_uring& ring, unsigned completions) noexcept {
    if (rings.belongs_to_parent()) return {.error = EPERM, .fault = submission_fault::rings_of_parent};
    rings.settle();
    const unsigned from = first_unsubmitted(ring);
    ring_set::covered_ring* const covered = rings.ring_of(*ring.sq.sqes);
    const queued found = covered != nullptr ? look_at_queue(rings, *covered, ring) : queued{};
    if (found.fault != submission_fault::none) return {.error = EINVAL, .fault = found.fault};
    const unsigned tail = ring.sq.sqe_tail;
    int submitted = 0;
    {
        std::optional<idle_entries> left_out;
        if (found.idle) left_out.emplace(*covered, ring);
        submitted = io_uring_submit_and_wait(&ring, completions);
        forget_entries(ring, from);
    }
    if (covered != nullptr) note_told(rings, *covered, ring);
    if (submitted < 0) return {.error = -submitted};
    return {.error = wait_ended_early(ring, completions) ? EINTR : 0,
            .entries = submitted + static_cast<int>(tail - ring.sq.sqe_tail)}; // with those left out for good
}

} // namespace gup::inline GUP_NAMESPACE::detail
