// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How operations are prepared, finished and taken back: all checks first, then the entry, then the reference
/// moves.

#include "gup/detail/io_uring/ring_set.hpp"
#include "gup/error.hpp"
#include "gup/in_flight.hpp"
#include "gup/subrange.hpp"

#include <concepts>
#include <system_error>

namespace gup::detail {

enum class ring_opcode : std::uint8_t { read, write, send_zc };

constexpr bool device_writes(ring_opcode opcode) noexcept { return opcode == ring_opcode::read; }

/// Where prepare puts its error: thrown, or into a std::error_code&.
struct throwing {};

enum class prepare_fault : std::uint8_t { none, outside_page, foreign_ring, table_full };

inline std::error_code code_of(prepare_fault fault) noexcept {
    switch (fault) {
    case prepare_fault::none:
        return {};
    case prepare_fault::table_full:
        return std::make_error_code(std::errc::no_buffer_space);
    case prepare_fault::outside_page:
    case prepare_fault::foreign_ring:
        break;
    }
    return std::make_error_code(std::errc::invalid_argument);
}

inline void report_success(std::error_code& error) noexcept { error.clear(); }
inline void report_success(throwing) noexcept {}
inline void report(prepare_fault fault, std::error_code& error) noexcept { error = code_of(fault); }
[[noreturn, gnu::cold, gnu::noinline]] inline void report(prepare_fault fault, throwing) {
    const char* const remedy =
        fault == prepare_fault::table_full
            ? "all operation records of the ring are in use: complete some operations, "
              "or raise io_uring_options::operations"
        : fault == prepare_fault::outside_page ? "the subrange is empty or reaches beyond the page"
                                               : "the submission entry is not of a ring of the page's domain";
    throw pin_error({.code = code_of(fault), .call = "preparing an io_uring operation", .remedy = remedy});
}

/// Tells domains apart in operation records; never compared across shared objects that hide their symbols.
template <class Domain>
inline constexpr char domain_identity = 0;
template <class Domain, dma_access Access, bool DeviceWrites>
inline constexpr operation_type type_of_operation{&domain_identity<Domain>, Access, DeviceWrites};

/// What an entry is made from.
struct prepared {
    prepare_fault fault = prepare_fault::none;
    ring_set::covered_ring* ring = nullptr;
    const ring_binding* binding = nullptr;
    std::uintptr_t address = 0;
    unsigned length = 0;
};

template <class Domain>
[[gnu::always_inline]] inline prepared look_up(const io_uring_sqe& sqe, std::uintptr_t word,
                                               subrange part) noexcept {
    static_assert(std::derived_from<typename Domain::registration, ring_binding>,
                  "this page is not pinned for io_uring: its pool must be made with an io_uring_domain");
    const counted& c = counted_of(word);
    const zone& z = zone::of(&c);
    const ring_binding& binding = z.template registration<typename Domain::registration>();
    const std::size_t room = part.offset <= z.page_size() ? z.page_size() - part.offset : 0;
    const std::size_t length = part.length == subrange::rest ? room : part.length;
    if (length == 0 || length > room) return {.fault = prepare_fault::outside_page};
    binding.rings->settle();
    ring_set::covered_ring* const ring = binding.rings->ring_of(sqe);
    if (ring == nullptr) return {.fault = prepare_fault::foreign_ring};
    return {.ring = ring,
            .binding = &binding,
            .address = reinterpret_cast<std::uintptr_t>(z.address_of(&c)) + part.offset,
            .length = static_cast<unsigned>(length)};
}

/// Packs the flags of send(2) where the others have a file offset.
inline std::uint64_t send_flags(int flags) noexcept { return static_cast<unsigned>(flags); }

template <ring_opcode Opcode>
void fill_entry(io_uring_sqe& sqe, int fd, const prepared& what, std::uint64_t offset_or_flags) noexcept {
    void* const address = reinterpret_cast<void*>(what.address);
    const bool fixed = what.binding->first_slot != ring_binding::unpinned;
    const int slot = fixed ? what.binding->slot_of(what.address) : 0;
    if constexpr (Opcode == ring_opcode::read) {
        if (fixed)
            io_uring_prep_read_fixed(&sqe, fd, address, what.length, offset_or_flags, slot);
        else
            io_uring_prep_read(&sqe, fd, address, what.length, offset_or_flags);
    } else if constexpr (Opcode == ring_opcode::write) {
        if (fixed)
            io_uring_prep_write_fixed(&sqe, fd, address, what.length, offset_or_flags, slot);
        else
            io_uring_prep_write(&sqe, fd, address, what.length, offset_or_flags);
    } else {
        const int flags = static_cast<int>(offset_or_flags);
        if (fixed)
            io_uring_prep_send_zc_fixed(&sqe, fd, address, what.length, flags, 0,
                                        static_cast<unsigned>(slot));
        else
            io_uring_prep_send_zc(&sqe, fd, address, what.length, flags, 0);
    }
}

template <ring_opcode Opcode, dma_access Access>
constexpr void check_access() noexcept {
    static_assert(!device_writes(Opcode) || device_may_write(Access),
                  "a read operation lets the device write to the page: it takes only a read_write reference");
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
void prepare(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>& ref, std::uint64_t offset_or_flags,
             subrange part, Error&& error) {
    check_access<Opcode, Access>();
    const prepared what = look_up<Domain>(sqe, reference_access::word(ref), part);
    if (what.fault != prepare_fault::none) [[unlikely]]
        return report(what.fault, error);
    operation* const record = what.ring->operations->claim();
    if (record == nullptr) [[unlikely]]
        return report(prepare_fault::table_full, error);
    report_success(error);
    record->type = &type_of_operation<Domain, Access, device_writes(Opcode)>;
    record->binding.store(what.binding, std::memory_order_relaxed);
    record->word.store(reference_access::release(ref), std::memory_order_relaxed);
    fill_entry<Opcode>(sqe, fd, what, offset_or_flags);
    sqe.user_data = record->user_data.load(std::memory_order_relaxed);
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
in_flight<user_page_ref<Domain, Access>>
prepare_token(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>& ref, std::uint64_t offset_or_flags,
              subrange part, std::uint64_t user_data, Error&& error) {
    check_access<Opcode, Access>();
    const prepared what = look_up<Domain>(sqe, reference_access::word(ref), part);
    if (what.fault != prepare_fault::none) [[unlikely]] {
        report(what.fault, error);
        return {};
    }
    report_success(error);
    fill_entry<Opcode>(sqe, fd, what, offset_or_flags);
    sqe.user_data = user_data;
    what.binding->tokens.fetch_add(1, std::memory_order_relaxed);
    return in_flight_access::make(std::move(ref), user_data,
                                  device_writes(Opcode) ? put_as::dirty : put_as::clean);
}

enum class completion_fault : std::uint8_t {
    none,
    stale,
    more_to_come,
    other_access,
    other_domain,
    submitted
};

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_completion_fault(completion_fault fault) {
    pin_failure failure{.call = "completing an io_uring operation"};
    switch (fault) {
    case completion_fault::more_to_come:
        failure.code = std::make_error_code(std::errc::operation_in_progress);
        failure.remedy =
            "the kernel still uses the page: wait for the completion without IORING_CQE_F_MORE, or use "
            "try_complete";
        break;
    case completion_fault::other_access:
        failure.code = std::make_error_code(std::errc::invalid_argument);
        failure.remedy = "the operation was given a reference of another access: name it, as in "
                         "complete<gup::dma_access::read>(domain, cqe)";
        break;
    case completion_fault::other_domain:
        failure.code = std::make_error_code(std::errc::invalid_argument);
        failure.remedy =
            "the operation was given a page of another type of domain: pass the domain of its pool";
        break;
    case completion_fault::submitted:
        failure.code = std::make_error_code(std::errc::device_or_resource_busy);
        failure.remedy = "the kernel may have taken this entry: wait for its completion";
        break;
    case completion_fault::none:
    case completion_fault::stale:
        failure.code = {ESTALE, std::generic_category()};
        failure.remedy = "no operation in flight belongs to it: it is foreign, or comes a second time";
    }
    throw pin_error(std::move(failure));
}

struct completion {
    completion_fault fault = completion_fault::stale;
    std::uintptr_t word = 0;
};

template <class Domain>
completion_fault check_type(const operation_type& type, dma_access access) noexcept {
    if (type.domain != &domain_identity<Domain>) return completion_fault::other_domain;
    return type.access == access ? completion_fault::none : completion_fault::other_access;
}

template <class Domain>
[[gnu::always_inline]] inline completion finish(ring_set& rings, const io_uring_cqe& cqe,
                                                dma_access access) noexcept {
    rings.settle();
    const ring_set::found found = rings.find(cqe.user_data);
    if (found.record == nullptr) return {};
    if ((cqe.flags & IORING_CQE_F_MORE) != 0) return {completion_fault::more_to_come};
    const operation_type& type = *found.record->type;
    if (const auto fault = check_type<Domain>(type, access); fault != completion_fault::none) return {fault};
    const std::uintptr_t word = found.table->finish(*found.record);
    if (type.device_writes)
        page_access::set_dirty(page_of(word)); // failed operations too: they may have written something
    return {completion_fault::none, word};
}

/// Makes an unsubmitted entry harmless but leaves it in its chain.
inline void make_no_op(io_uring_sqe& sqe, unsigned features) noexcept {
    const std::uint64_t user_data =
        sqe.user_data; // of an operation that is over: nobody takes it for another
    const auto chain =
        static_cast<std::uint8_t>(sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_IO_DRAIN));
    io_uring_prep_nop(&sqe);
    sqe.flags = static_cast<std::uint8_t>(
        chain | ((features & IORING_FEAT_CQE_SKIP) != 0 ? IOSQE_CQE_SKIP_SUCCESS : 0));
    sqe.user_data = user_data;
}

template <class Domain>
completion undo(ring_set& rings, io_uring_sqe& sqe, dma_access access) noexcept {
    const ring_set::found found = rings.find(sqe.user_data);
    ring_set::covered_ring* const ring = rings.ring_of(sqe);
    if (found.record == nullptr || ring == nullptr) return {};
    if (const auto fault = check_type<Domain>(*found.record->type, access); fault != completion_fault::none)
        return {fault};
    if (!not_submitted(*ring->handle, sqe)) return {completion_fault::submitted};
    make_no_op(sqe, ring->features);
    return {completion_fault::none, found.table->unclaim(*found.record)};
}

template <class Ref>
const ring_binding& binding_of(const in_flight<Ref>& token) noexcept {
    using registration = typename Ref::domain_type::registration;
    return zone::of(&counted_of(in_flight_access::word(token))).template registration<registration>();
}

template <class Ref>
completion_fault check_token(const in_flight<Ref>& token, const io_uring_cqe& cqe) noexcept {
    if (!token || token.user_data() != cqe.user_data) return completion_fault::stale;
    return (cqe.flags & IORING_CQE_F_MORE) != 0 ? completion_fault::more_to_come : completion_fault::none;
}

template <class Ref>
Ref give_back_token(in_flight<Ref>& token) noexcept {
    binding_of(token).tokens.fetch_sub(1, std::memory_order_relaxed);
    return in_flight_access::give_back(token);
}

template <class Ref>
Ref finish_token(in_flight<Ref>& token) noexcept {
    if (in_flight_access::on_completion(token) == put_as::dirty)
        page_access::set_dirty(page_of(in_flight_access::word(token)));
    return give_back_token(token);
}

template <class Ref>
completion_fault undo_token(const in_flight<Ref>& token, io_uring_sqe& sqe) noexcept {
    if (!token || token.user_data() != sqe.user_data) return completion_fault::stale;
    ring_set::covered_ring* const ring = binding_of(token).rings->ring_of(sqe);
    if (ring == nullptr) return completion_fault::stale;
    if (!not_submitted(*ring->handle, sqe)) return completion_fault::submitted;
    make_no_op(sqe, ring->features);
    return completion_fault::none;
}

/// Looks through what is prepared but not submitted for operations that own a page and would complete unseen.
inline std::error_code check_submission(const ring_set& rings, const io_uring& ring) noexcept {
    const unsigned shift = (ring.flags & IORING_SETUP_SQE128) != 0;
    for (unsigned at = ring.sq.sqe_head; at != ring.sq.sqe_tail; ++at) {
        const io_uring_sqe& sqe = ring.sq.sqes[(at & ring.sq.ring_mask) << shift];
        if ((sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0 && rings.may_own(sqe))
            return std::make_error_code(std::errc::invalid_argument);
    }
    return {};
}

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_submit_fault(std::error_code error) {
    const bool refused = error.category() == std::generic_category();
    throw pin_error(
        {.code = error,
         .call = "io_uring_submit",
         .remedy = refused ? "an operation that owns a page has IOSQE_CQE_SKIP_SUCCESS: its completion is "
                             "what gives the page back, so clear the flag"
                           : ""});
}

} // namespace gup::detail
