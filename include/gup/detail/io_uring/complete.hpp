// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How operations are finished and taken back.

#include "gup/detail/io_uring/faults.hpp"
#include "gup/detail/io_uring/prepare.hpp"
#include "gup/domain/io_uring_arguments.hpp"
#include "gup/pin_place.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <span>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

struct completion {
    completion_fault fault = completion_fault::none;
    std::uintptr_t word = 0;
    std::uint64_t cookie = 0;
};

/// What an entry of either queue cannot be used for.
inline const char* use_of(completion_entry) noexcept { return "completing an io_uring operation"; }
inline const char* use_of(submission_entry) noexcept { return "taking an io_uring operation back"; }

template <class Domain, class Entry>
[[noreturn, gnu::cold, gnu::noinline]] void throw_fault(completion_fault fault, const Domain& domain,
                                                        Entry entry) {
    if (fault == completion_fault::over && entry.get()->user_data == user_data_of_none)
        fault = completion_fault::no_operation;
    else if (fault == completion_fault::over && !ring_access::rings(domain).made(entry.get()->user_data))
        fault = completion_fault::foreign;
    throw_refusal(errno_of(fault), use_of(entry), remedy_of(fault));
}
template <class Ref, class Place, class Entry>
[[noreturn, gnu::cold, gnu::noinline]] void throw_fault(completion_fault fault,
                                                        const in_flight<Ref, Place>& token, Entry entry) {
    if (fault == completion_fault::other_token && !token) fault = completion_fault::empty_token;
    throw_refusal(errno_of(fault), use_of(entry), remedy_of(fault));
}

template <class Domain>
completion_fault check_type(const operation_type& type, dma_access access) noexcept {
    if (type.domain != &domain_identity<Domain>) return completion_fault::other_domain;
    return type.access == access ? completion_fault::none : completion_fault::other_access;
}

/// Ends the operation of a record.
[[gnu::always_inline]] inline completion end(ring_operations& table,
                                             ring_operations::record& record) noexcept {
    const std::uint64_t cookie = record.cookie;
    const bool device_writes = record.device_writes;
    const std::uintptr_t word = table.finish(record);
    if (device_writes)
        page_access::set_dirty(page_of(word)); // failed operations too: they may have written something
    return {completion_fault::none, word, cookie};
}

/// As finish, of any completion: settles what is to be settled, and says why the operation is not over.
template <class Domain, dma_access Access>
[[gnu::cold, gnu::noinline]] completion finish_slowly(ring_set& rings, completion_entry cqe) noexcept {
    rings.settle();
    if (cqe.get() == nullptr) return {completion_fault::no_entry};
    const ring_set::found found = rings.find(cqe.get()->user_data);
    if (found.record == nullptr)
        return {rings.empty() ? completion_fault::rings_of_parent : completion_fault::over};
    if ((cqe.get()->flags & IORING_CQE_F_MORE) != 0) return {completion_fault::more_to_come};
    if (const auto fault = check_type<Domain>(*found.record->type, Access); fault != completion_fault::none)
        return {fault};
    return end(*found.table, *found.record);
}

template <class Domain, dma_access Access>
[[gnu::always_inline]] inline completion finish(ring_set& rings, completion_entry cqe) noexcept {
    if (cqe.get() != nullptr && (cqe.get()->flags & IORING_CQE_F_MORE) == 0) [[likely]] {
        ring_operations& table = rings.table_of(cqe.get()->user_data);
        ring_operations::record* const record = table.find_open(cqe.get()->user_data);
        if (record != nullptr && record->type == &type_of_operation<Domain, Access>) [[likely]]
            return end(table, *record);
    }
    return finish_slowly<Domain, Access>(rings, cqe);
}

/// True if no entry that is not submitted yet has the number of this operation, which is in flight.
inline bool is_missing(const io_uring& ring, const ring_operations::record& record) noexcept {
    if (record.word.load(std::memory_order_relaxed) == 0) return false; // a made-up completion came for it
    const std::uint64_t number = record.number.load(std::memory_order_relaxed);
    for (unsigned at = first_unsubmitted(ring); at != ring.sq.sqe_tail; ++at)
        if (entry_at(ring, at).user_data == number) return false;
    return true;
}

/// True if the program has submitted none of our operations by itself since gup submitted last, so that those
/// that were prepared since are in the queue, and nobody completes them.
inline bool all_are_queued(const ring_set& rings, const ring_set::covered_ring& covered,
                           const io_uring& ring) noexcept {
    if (ring.sq.sqe_tail - covered.told_to > ring.sq.ring_entries)
        return false; // some entries are used again
    for (unsigned at = covered.told_to; at != first_unsubmitted(ring); ++at)
        if (rings.made(entry_at(ring, at).user_data)) return false;
    return true;
}

/// The entry in which a record's operation lost its user_data, submitted meanwhile or not; null if there is
/// none. Only while all are queued.
inline io_uring_sqe* renamed_entry_of(ring_set& rings, const ring_set::covered_ring& covered,
                                      const io_uring& ring, const ring_operations::record& record) noexcept {
    const std::span<std::byte> memory = pinned_memory_of(record.word.load(std::memory_order_relaxed));
    for (unsigned at = ring.sq.sqe_tail; at != covered.told_to;) {
        io_uring_sqe& sqe = entry_at(ring, --at);
        const bool reads = sqe.opcode == IORING_OP_READ_FIXED || sqe.opcode == IORING_OP_READ;
        const bool writes = sqe.opcode == IORING_OP_WRITE_FIXED || sqe.opcode == IORING_OP_WRITE ||
                            sqe.opcode == IORING_OP_SEND_ZC;
        if ((record.device_writes ? reads : writes) &&
            sqe.addr - reinterpret_cast<std::uintptr_t>(memory.data()) < memory.size() &&
            rings.find(sqe.user_data).record == nullptr && covered.token_in(sqe) == nullptr)
            return &sqe;
    }
    return nullptr;
}

/// The record of the operation in this entry, which is not submitted yet: the `named` one, if it was prepared
/// since, or the one whose user_data the entry had; null if there is none. Only while all are queued.
inline ring_operations::record* record_in(ring_set& rings, const ring_set::covered_ring& covered,
                                          const io_uring& ring, const io_uring_sqe& sqe,
                                          const ring_operations::record* named) noexcept {
    for (std::uint32_t i = 0; i != covered.operations.untold(); ++i) {
        ring_operations::record& record = covered.operations.untold(i);
        if (&record == named ||
            (is_missing(ring, record) && renamed_entry_of(rings, covered, ring, record) == &sqe))
            return &record;
    }
    return nullptr;
}

/// Makes an entry idle, in its chain as it was; false if the kernel may have taken it.
inline bool take_out(const ring_set::covered_ring& ring, io_uring_sqe& sqe) noexcept {
    if (is_submitted(*ring.handle, sqe)) return false;
    make_idle(sqe, sqe.flags & (IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK));
    return true;
}

template <class Domain>
completion undo(ring_set& rings, submission_entry sqe, dma_access access) noexcept {
    if (sqe.get() == nullptr) return {completion_fault::no_entry};
    if (rings.belongs_to_parent()) return {completion_fault::rings_of_parent}; // so does the entry
    const ring_set::found found = rings.find(sqe.get()->user_data);
    ring_set::covered_ring* const ring = rings.ring_of(*sqe.get());
    if (ring == nullptr || (found.record != nullptr && found.table != &ring->operations))
        return {completion_fault::over};
    const bool queued =
        !is_submitted(*ring->handle, *sqe.get()) && all_are_queued(rings, *ring, *ring->handle);
    ring_operations::record* const record =
        queued ? record_in(rings, *ring, *ring->handle, *sqe.get(), found.record) : found.record;
    if (record == nullptr) return {completion_fault::over};
    if (const auto fault = check_type<Domain>(*record->type, access); fault != completion_fault::none)
        return {fault};
    if (!take_out(*ring, *sqe.get())) return {completion_fault::submitted};
    const std::uint64_t cookie = record->cookie;
    return {completion_fault::none,
            queued ? ring->operations.unclaim_untold(*record) : ring->operations.unclaim(*record), cookie};
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
    if (!token || token.user_data() != cqe.get()->user_data) return completion_fault::other_token;
    // of a send before it, with the same user_data, that was cancelled with its chain: its notification comes
    // late
    if ((cqe.get()->flags & IORING_CQE_F_NOTIF) != 0 &&
        in_flight_access::kind(token) != static_cast<std::uint8_t>(ring_opcode::send_zc))
        return completion_fault::other_token;
    return (cqe.get()->flags & IORING_CQE_F_MORE) != 0 ? completion_fault::more_to_come
                                                       : completion_fault::none;
}

template <class Ref, class Place>
Ref give_back_token(in_flight<Ref, Place>& token GUP_LEAVES_CONSUMED) noexcept {
    ring_access::tokens(mark_of_token(token)).fetch_sub(1, std::memory_order_relaxed);
    return in_flight_access::give_back(token);
}

template <class Ref, class Place>
Ref finish_token(in_flight<Ref, Place>& token GUP_LEAVES_CONSUMED) noexcept {
    if (in_flight_access::on_completion(token) == put_as::dirty)
        page_access::set_dirty(page_of(reference_access::word(token)));
    return give_back_token(token);
}

template <class Ref, class Place>
completion_fault undo_token(const in_flight<Ref, Place>& token, submission_entry sqe) noexcept {
    if (sqe.get() == nullptr) return completion_fault::no_entry;
    if (!token) return completion_fault::other_token;
    ring_set& rings = ring_access::rings(mark_of_token(token));
    if (rings.belongs_to_parent()) return completion_fault::rings_of_parent;
    const ring_set::covered_ring* const ring = rings.ring_of(*sqe.get());
    // what the entry has now may have been changed since
    const entry_note* const noted = ring != nullptr ? ring->token_in(*sqe.get()) : nullptr;
    if (noted == nullptr || noted->token_user_data != token.user_data()) return completion_fault::other_token;
    return take_out(*ring, *sqe.get()) ? completion_fault::none : completion_fault::submitted;
}

} // namespace gup::inline GUP_NAMESPACE::detail
