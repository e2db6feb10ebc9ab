// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How operations are finished and taken back, and what is looked at before a submission.

#include "gup/detail/io_uring/prepare.hpp"
#include "gup/domain/io_uring_arguments.hpp"
#include "gup/pin_place.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

enum class completion_fault : std::uint8_t {
    none,
    stale,
    no_entry,
    more_to_come,
    other_access,
    other_domain,
    submitted,
    rings_of_parent
};

[[noreturn, gnu::cold, gnu::noinline]] inline void
throw_completion_fault(completion_fault fault, const char* call = "completing an io_uring operation") {
    switch (fault) {
    case completion_fault::no_entry:
        throw_refusal(EINVAL, call, "there is no entry: look at what the call that should give one returned");
    case completion_fault::more_to_come:
        throw_refusal(
            EINPROGRESS, call,
            "the kernel still uses the page: wait for the completion without IORING_CQE_F_MORE, or use "
            "try_complete");
    case completion_fault::other_access:
        throw_refusal(EINVAL, call,
                      "the operation was given a reference of another access: name it, as in "
                      "complete<gup::dma_access::read>(domain, cqe)");
    case completion_fault::other_domain:
        throw_refusal(
            EINVAL, call,
            "the operation was given a page of another type of domain: pass the domain of its pool");
    case completion_fault::submitted:
        throw_refusal(EBUSY, call, "the kernel may have taken this entry: wait for its completion");
    case completion_fault::rings_of_parent:
        throw_refusal(EPERM, call, own_ring_needed);
    case completion_fault::none:
    case completion_fault::stale:
        break;
    }
    throw_refusal(ESTALE, call,
                  "no operation in flight belongs to it: it is foreign, or comes a second time");
}

struct completion {
    completion_fault fault = completion_fault::stale;
    std::uintptr_t word = 0;
    std::uint64_t cookie = 0;
};

template <class Domain>
completion_fault check_type(const operation_type& type, dma_access access) noexcept {
    if (type.domain != &domain_identity<Domain>) return completion_fault::other_domain;
    return type.access == access ? completion_fault::none : completion_fault::other_access;
}

template <class Domain>
[[gnu::always_inline]] inline completion finish(ring_set& rings, completion_entry cqe,
                                                dma_access access) noexcept {
    rings.settle();
    if (cqe.get() == nullptr) [[unlikely]]
        return {completion_fault::no_entry};
    const ring_set::found found = rings.find(cqe.get()->user_data);
    if (found.record == nullptr)
        return {rings.empty() ? completion_fault::rings_of_parent : completion_fault::stale};
    if ((cqe.get()->flags & IORING_CQE_F_MORE) != 0) return {completion_fault::more_to_come};
    const operation_type& type = *found.record->type;
    if (const auto fault = check_type<Domain>(type, access); fault != completion_fault::none) return {fault};
    const std::uint64_t cookie = found.record->cookie;
    const std::uintptr_t word = found.table->finish(*found.record);
    if (type.device_writes)
        page_access::set_dirty(page_of(word)); // failed operations too: they may have written something
    return {completion_fault::none, word, cookie};
}

/// Makes an entry a no-op that leaves its chain as it was; false if the kernel may have taken it.
inline bool take_out(const ring_set::covered_ring& ring, io_uring_sqe& sqe) noexcept {
    const queue_state state = state_of(*ring.handle, sqe);
    if (state == queue_state::submitted) return false;
    // A silent head makes the kernel drop the completions of the whole chain if a later entry is invalid;
    // without it the chain begins one entry later.
    const unsigned keep = state == queue_state::heads_chain
                              ? IOSQE_IO_DRAIN
                              : IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
    make_no_op(sqe, sqe.flags & keep, ring.features);
    return true;
}

template <class Domain>
completion undo(ring_set& rings, submission_entry sqe, dma_access access) noexcept {
    if (sqe.get() == nullptr) return {completion_fault::no_entry};
    if (rings.belongs_to_parent()) return {completion_fault::rings_of_parent}; // so does the entry
    const ring_set::found found = rings.find(sqe.get()->user_data);
    ring_set::covered_ring* const ring = rings.ring_of(*sqe.get());
    if (found.record == nullptr || ring == nullptr || ring->operations != found.table) return {};
    if (const auto fault = check_type<Domain>(*found.record->type, access); fault != completion_fault::none)
        return {fault};
    if (!take_out(*ring, *sqe.get())) return {completion_fault::submitted};
    const std::uint64_t cookie = found.record->cookie;
    return {completion_fault::none, found.table->unclaim(*found.record), cookie};
}

template <class Ref, class Place>
const ring_mark& mark_of_token(const in_flight<Ref, Place>& token) noexcept {
    static_assert(std::is_base_of_v<ring_place, typename pins_by<Place>::type>,
                  "this operation is not of io_uring: complete it with what its own domain gives");
    return mark_of<ring_mark>(token);
}

template <class Ref, class Place>
completion_fault check_token(const in_flight<Ref, Place>& token, completion_entry cqe) noexcept {
    if (cqe.get() == nullptr) return completion_fault::no_entry;
    if (!token || token.user_data() != cqe.get()->user_data) return completion_fault::stale;
    // of a send before it, with the same user_data, that was cancelled with its chain: its notification comes
    // late
    if ((cqe.get()->flags & IORING_CQE_F_NOTIF) != 0 &&
        in_flight_access::kind(token) != static_cast<std::uint8_t>(ring_opcode::send_zc))
        return completion_fault::stale;
    return (cqe.get()->flags & IORING_CQE_F_MORE) != 0 ? completion_fault::more_to_come
                                                       : completion_fault::none;
}

template <class Ref, class Place>
Ref give_back_token(in_flight<Ref, Place>& token) noexcept {
    ring_access::tokens(mark_of_token(token)).fetch_sub(1, std::memory_order_relaxed);
    return in_flight_access::give_back(token);
}

template <class Ref, class Place>
Ref finish_token(in_flight<Ref, Place>& token) noexcept {
    if (in_flight_access::on_completion(token) == put_as::dirty)
        page_access::set_dirty(page_of(reference_access::word(token)));
    return give_back_token(token);
}

template <class Ref, class Place>
completion_fault undo_token(const in_flight<Ref, Place>& token, submission_entry sqe) noexcept {
    if (sqe.get() == nullptr) return completion_fault::no_entry;
    if (!token || token.user_data() != sqe.get()->user_data) return completion_fault::stale;
    ring_set& rings = ring_access::rings(mark_of_token(token));
    if (rings.belongs_to_parent()) return completion_fault::rings_of_parent;
    ring_set::covered_ring* const ring = rings.ring_of(*sqe.get());
    if (ring == nullptr || !ring->has_token(*sqe.get())) return completion_fault::stale;
    return take_out(*ring, *sqe.get()) ? completion_fault::none : completion_fault::submitted;
}

/// Looks through what is prepared but not submitted for operations that own a page and would complete unseen:
/// because of a flag of their own, or because the kernel passes over the rest of a chain if a silent entry of
/// it fails.
inline bool loses_completions(ring_set& rings, const io_uring& ring) noexcept {
    bool silent_before = false;
    for (unsigned at = first_unsubmitted(ring); at != ring.sq.sqe_tail; ++at) {
        const io_uring_sqe& sqe = entry_at(ring, at);
        const bool silent = (sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0;
        if ((silent || silent_before) && rings.owns(sqe)) return true;
        // a no-op that follows another entry does not fail by itself
        const bool may_fail = silent && !(sqe.opcode == IORING_OP_NOP && sqe.user_data == user_data_of_none);
        silent_before = is_linked_to_next(sqe) && (silent_before || may_fail);
    }
    return false;
}

/// Makes the entries that the kernel has taken nobody's: liburing hands an entry out again with its old
/// user_data, and an operation of the program's that sets none would complete one of ours. Without a polling
/// kernel thread only, with one it may still be reading.
inline void forget_entries(io_uring& ring, unsigned from) noexcept {
    if ((ring.flags & IORING_SETUP_SQPOLL) != 0) return;
    for (unsigned at = from; at != first_unsubmitted(ring); ++at)
        entry_at(ring, at).user_data = user_data_of_none;
}

/// True if there are fewer completions than were waited for after all entries were submitted: the kernel
/// keeps a signal to itself if it has an entry taken or any completion to report.
inline bool wait_ended_early(const io_uring& ring, unsigned completions) noexcept {
    return first_unsubmitted(ring) == ring.sq.sqe_tail &&
           io_uring_cq_ready(&ring) < std::min(completions, ring.cq.ring_entries);
}

/// What a submission came to.
struct submission {
    int error = 0;
    int entries = 0;
    const char* remedy = ""; ///< if gup refused it before the kernel was asked
};

inline submission submit(ring_set& rings, io_uring& ring, unsigned completions) noexcept {
    if (rings.belongs_to_parent()) return {.error = EPERM, .remedy = own_ring_needed};
    rings.settle();
    if (loses_completions(rings, ring))
        return {.error = EINVAL,
                .remedy =
                    "an operation that owns a page, or one before it in its chain, has "
                    "IOSQE_CQE_SKIP_SUCCESS: its completion is what gives the page back, so clear the flag"};
    const unsigned from = first_unsubmitted(ring);
    const int submitted = io_uring_submit_and_wait(&ring, completions);
    forget_entries(ring, from);
    if (submitted < 0) return {.error = -submitted};
    return {.error = wait_ended_early(ring, completions) ? EINTR : 0, .entries = submitted};
}

} // namespace gup::inline GUP_NAMESPACE::detail
