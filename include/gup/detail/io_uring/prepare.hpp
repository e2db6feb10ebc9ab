// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How operations are prepared: all checks first, then the entry, then the reference moves.

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

enum class prepare_fault : std::uint8_t {
    none,
    empty_reference,
    outside_page,
    foreign_ring,
    table_full,
    reserved_user_data,
    across_slots
};

inline std::error_code code_of(prepare_fault fault) noexcept {
    switch (fault) {
    case prepare_fault::none:
        return {};
    case prepare_fault::table_full:
        return std::make_error_code(std::errc::no_buffer_space);
    case prepare_fault::empty_reference:
    case prepare_fault::outside_page:
    case prepare_fault::foreign_ring:
    case prepare_fault::reserved_user_data:
    case prepare_fault::across_slots:
        break;
    }
    return std::make_error_code(std::errc::invalid_argument);
}

inline void report_success(std::error_code& error) noexcept { error.clear(); }
inline void report_success(throwing) noexcept {}
inline void report(prepare_fault fault, std::error_code& error) noexcept { error = code_of(fault); }
[[noreturn, gnu::cold, gnu::noinline]] inline void report(prepare_fault fault, throwing) {
    const char* remedy = "the submission entry is not of a ring of the page's domain";
    if (fault == prepare_fault::table_full)
        remedy = "all operation records of the ring are in use: complete some operations, or raise "
                 "io_uring_options::operations";
    else if (fault == prepare_fault::outside_page)
        remedy = "the subrange is empty or reaches beyond the page";
    else if (fault == prepare_fault::empty_reference)
        remedy = "the reference is empty: it has been put, or handed to another operation";
    else if (fault == prepare_fault::reserved_user_data)
        remedy = "this user_data, all ones, is that of no operation: choose another";
    else if (fault == prepare_fault::across_slots)
        remedy =
            "one operation stays within one GiB of the memory, counted from its beginning: name a subrange";
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
                  "this page is not pinned for io_uring: its pool must be made with an io_uring_domain, and "
                  "with one only, which serves any number of rings");
    if (word == 0) [[unlikely]]
        return {.fault = prepare_fault::empty_reference};
    const ring_binding& binding = registration_of<typename Domain::registration>(word);
    const std::span<std::byte> memory = pinned_memory_of(word);
    const std::size_t room = part.offset <= memory.size() ? memory.size() - part.offset : 0;
    const std::size_t length = part.length == subrange::rest ? room : part.length;
    if (length == 0 || length > room) return {.fault = prepare_fault::outside_page, .binding = &binding};
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(memory.data()) + part.offset;
    if (!is_plain_word(word) && binding.slot_of(address) != binding.slot_of(address + (length - 1)))
        return {.fault = prepare_fault::across_slots, .binding = &binding}; // a page of a pool lies in one
    binding.rings->settle();
    ring_set::covered_ring* const ring = binding.rings->ring_of(sqe);
    if (ring == nullptr) return {.fault = prepare_fault::foreign_ring, .binding = &binding};
    return {.ring = ring, .binding = &binding, .address = address, .length = static_cast<unsigned>(length)};
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

/// Makes an entry harmless; `flags` tie it to its neighbours. Its completion is silent if the kernel can do
/// that, except that a silent entry cannot drain.
inline void make_no_op(io_uring_sqe& sqe, unsigned flags, unsigned features) noexcept {
    const bool silent = (features & IORING_FEAT_CQE_SKIP) != 0 && (flags & IOSQE_IO_DRAIN) == 0;
    io_uring_prep_nop(&sqe);
    sqe.flags = static_cast<std::uint8_t>(flags | (silent ? IOSQE_CQE_SKIP_SUCCESS : 0U));
    sqe.user_data = user_data_of_none;
}

/// Says why nothing was prepared. The entry is in the queue already, and what it held before is an operation
/// on a page that somebody else may have by now.
template <class Error>
[[gnu::cold, gnu::noinline]] void refuse(prepare_fault fault, io_uring_sqe& sqe, const ring_binding* binding,
                                         Error&& error) {
    make_no_op(sqe, 0, binding != nullptr ? binding->rings->features() : 0);
    report(fault, error);
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
void prepare(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>& ref, std::uint64_t offset_or_flags,
             subrange part, Error&& error) {
    check_access<Opcode, Access>();
    const prepared what = look_up<Domain>(sqe, reference_access::word(ref), part);
    if (what.fault != prepare_fault::none) [[unlikely]]
        return refuse(what.fault, sqe, what.binding, error);
    operation* const record = what.ring->operations->claim();
    if (record == nullptr) [[unlikely]]
        return refuse(prepare_fault::table_full, sqe, what.binding, error);
    report_success(error);
    record->type = &type_of_operation<Domain, Access, device_writes(Opcode)>;
    record->binding.store(what.binding, std::memory_order_relaxed);
    record->word.store(reference_access::release(ref), std::memory_order_release);
    fill_entry<Opcode>(sqe, fd, what, offset_or_flags);
    sqe.user_data = record->user_data.load(std::memory_order_relaxed);
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
in_flight<user_page_ref<Domain, Access>>
prepare_token(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>& ref, std::uint64_t offset_or_flags,
              subrange part, std::uint64_t user_data, Error&& error) {
    check_access<Opcode, Access>();
    prepared what = look_up<Domain>(sqe, reference_access::word(ref), part);
    if (user_data == user_data_of_none && what.fault == prepare_fault::none)
        what.fault = prepare_fault::reserved_user_data;
    if (what.fault != prepare_fault::none) [[unlikely]] {
        refuse(what.fault, sqe, what.binding, error);
        return in_flight_access::empty<user_page_ref<Domain, Access>>();
    }
    report_success(error);
    fill_entry<Opcode>(sqe, fd, what, offset_or_flags);
    sqe.user_data = user_data;
    what.ring->note_token(sqe);
    what.binding->tokens.fetch_add(1, std::memory_order_relaxed);
    return in_flight_access::make(std::move(ref), user_data,
                                  device_writes(Opcode) ? put_as::dirty : put_as::clean,
                                  static_cast<std::uint8_t>(Opcode));
}

} // namespace gup::detail
