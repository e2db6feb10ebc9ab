// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How operations are prepared: all checks first, then the entry, then the reference moves.

#include "gup/detail/io_uring/faults.hpp"
#include "gup/detail/io_uring/idle_entries.hpp"
#include "gup/detail/io_uring/ring_place.hpp"
#include "gup/domain/io_uring_arguments.hpp"
#include "gup/error.hpp"
#include "gup/in_flight.hpp"
#include "gup/pin_place.hpp"

#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <liburing.h>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// The io_uring_domain that a domain is or includes, if there is just one.
template <class Tag, class Kernel>
std::type_identity<io_uring_domain<Tag, Kernel>> ring_domain_in(const io_uring_domain<Tag, Kernel>&);

/// Its place, which tokens of its operations name; of another domain nothing, and the operation says so.
struct no_ring {};
template <class Domain>
struct ring_place_of {
    using type = no_ring;
};
template <class Domain>
    requires requires(const Domain& domain) { ring_domain_in(domain); }
struct ring_place_of<Domain> {
    using type = typename decltype(ring_domain_in(std::declval<const Domain&>()))::type::place;
};
template <class Domain, dma_access Access>
using ring_token = in_flight<user_page_ref<Domain, Access>, typename ring_place_of<Domain>::type>;

enum class ring_opcode : std::uint8_t { read, write, send_zc };

constexpr bool device_writes(ring_opcode opcode) noexcept { return opcode == ring_opcode::read; }

/// Where prepare puts its error: thrown, or into a std::error_code&.
struct throwing {};

inline void report_success(std::error_code& error) noexcept { error.clear(); }
inline void report_success(throwing) noexcept {}
inline void report(prepare_fault fault, std::error_code& error) noexcept {
    error = errno_code(errno_of(fault));
}
[[noreturn]] inline void report(prepare_fault fault, throwing) {
    throw_refusal(errno_of(fault), "preparing an io_uring operation", remedy_of(fault));
}

/// Tells domains apart in operation records, one in all shared objects if the domain's type has default
/// visibility.
template <class Domain>
[[gnu::visibility("default")]] inline constexpr char domain_identity = 0;
template <class Domain, dma_access Access>
bool drop_operation(std::uintptr_t word) noexcept {
    if (!may_count<counting_t<Domain>>(word)) return false;
    if constexpr (cpu_may_write(Access)) page_access::set_dirty(page_of(word)); // as a reference's destructor
    end_reference<Domain>(word, kind_of(Access));
    return true;
}
template <class Domain, dma_access Access>
inline constexpr operation_type type_of_operation{&domain_identity<Domain>, Access,
                                                  &drop_operation<Domain, Access>};

/// What an entry is made from.
struct prepared {
    prepare_fault fault = prepare_fault::none;
    ring_set::covered_ring* ring = nullptr;
    const ring_mark* mark = nullptr;
    std::uintptr_t address = 0;
    unsigned length = 0;
};

/// Who completes an operation: whoever has a handle of the domain, or a token.
enum class completed_by : std::uint8_t { handle, token };

/// at_once: finds no ring while something is left for this thread to settle, so that the caller does it
/// again; thoroughly: settles it.
enum class look { at_once, thoroughly };

template <class Domain, completed_by By, look Way = look::thoroughly>
[[gnu::always_inline]] inline prepared look_up(submission_entry sqe, std::uintptr_t word,
                                               subrange part) noexcept {
    static_assert(std::derived_from<typename Domain::registration, marked<ring_mark>>,
                  "this page is not pinned for io_uring: its pool must be made with an io_uring_domain, and "
                  "with one only, which serves any number of rings");
    if (sqe.get() == nullptr) [[unlikely]]
        return {.fault = prepare_fault::queue_full};
    if (word == 0) [[unlikely]]
        return {.fault = prepare_fault::empty_reference};
    const ring_mark& mark = mark_access::of<ring_mark>(registration_of<typename Domain::registration>(word));
    const std::span<std::byte> memory = pinned_memory_of(word);
    const std::size_t room = part.offset <= memory.size() ? memory.size() - part.offset : 0;
    const std::size_t length = part.length == subrange::rest ? room : part.length;
    if (length == 0 || length > room) return {.fault = prepare_fault::outside_page, .mark = &mark};
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(memory.data()) + part.offset;
    if (!is_plain_word(word) &&
        ring_access::slot_of(mark, address) != ring_access::slot_of(mark, address + (length - 1)))
        return {.fault = prepare_fault::across_slots, .mark = &mark}; // a page of a pool lies in one
    ring_set& rings = ring_access::rings(mark);
    if (Way == look::thoroughly && !rings.settle() && By == completed_by::handle)
        return {.fault = prepare_fault::without_handle, .mark = &mark};
    ring_set::covered_ring* const ring =
        Way == look::at_once ? rings.open_ring_of(*sqe.get()) : rings.ring_of(*sqe.get());
    if (ring == nullptr) return {.fault = prepare_fault::foreign_ring, .mark = &mark};
    return {.ring = ring, .mark = &mark, .address = address, .length = static_cast<unsigned>(length)};
}

/// Packs the flags of send(2) where the others have a file offset.
inline std::uint64_t send_flags(int flags) noexcept { return static_cast<unsigned>(flags); }

/// What the kernel calls the operation, on a fixed buffer or on any memory.
constexpr std::uint64_t opcode_of(ring_opcode opcode, bool fixed) noexcept {
    switch (opcode) {
    case ring_opcode::read:
        return fixed ? IORING_OP_READ_FIXED : IORING_OP_READ;
    case ring_opcode::write:
        return fixed ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE;
    default:
        return IORING_OP_SEND_ZC | (fixed ? std::uint64_t{IORING_RECVSEND_FIXED_BUF} << 16 : 0); // its ioprio
    }
}

/// Writes all of an entry, as the words that it is: liburing's functions take half as many stores again.
template <ring_opcode Opcode>
[[gnu::always_inline]] inline void fill_entry(io_uring_sqe& sqe, int fd, const prepared& what,
                                              std::uint64_t offset_or_flags,
                                              std::uint64_t user_data) noexcept {
    static_assert(sizeof sqe == 64 && std::endian::native == std::endian::little);
    constexpr bool has_offset = Opcode != ring_opcode::send_zc;
    std::uint64_t opcode = opcode_of(Opcode, false);
    std::uint64_t slot = 0;
    if (ring_access::fixed(*what.mark)) [[likely]] {
        opcode = opcode_of(Opcode, true);
        slot = static_cast<std::uint16_t>(ring_access::slot_of(*what.mark, what.address));
    }
    const auto set = [&](std::size_t offset, std::uint64_t value) {
        std::memcpy(reinterpret_cast<std::byte*>(&sqe) + offset, &value, sizeof value);
    };
    set(offsetof(io_uring_sqe, opcode), opcode | std::uint64_t{static_cast<unsigned>(fd)} << 32);
    set(offsetof(io_uring_sqe, off), has_offset ? offset_or_flags : 0);
    set(offsetof(io_uring_sqe, addr), what.address);
    set(offsetof(io_uring_sqe, len), what.length | (has_offset ? 0 : offset_or_flags << 32));
    set(offsetof(io_uring_sqe, user_data), user_data);
    set(offsetof(io_uring_sqe, buf_index), slot);
    set(offsetof(io_uring_sqe, buf_index) + 8, 0);
    set(offsetof(io_uring_sqe, buf_index) + 16, 0);
}

template <ring_opcode Opcode, dma_access Access>
constexpr void check_access() noexcept {
    static_assert(!device_writes(Opcode) || device_may_write(Access),
                  "a read operation lets the device write to the page: it takes only a read_write reference");
}

/// Says why nothing was prepared. The entry, if there is one, is in the queue already, and what it held
/// before is an operation on a page that somebody else may have by now.
template <class Error>
[[gnu::cold, gnu::noinline]] void refuse(prepare_fault fault, submission_entry sqe, const ring_mark* mark,
                                         Error&& error) {
    if (mark != nullptr && ring_access::rings(*mark).belongs_to_parent())
        return report(prepare_fault::rings_of_parent, error); // so does the entry
    if (sqe.get() != nullptr) make_idle(*sqe.get(), 0);
    report(fault, error);
}

/// Ends a program that tracks its pages and gives an operation a reference that nobody counted: a copy of a
/// handle's bytes, of which other builds learn at a put.
template <class Domain, dma_access Access>
void check_tracked(const user_page_ref<Domain, Access>& ref) noexcept {
    if constexpr (tracking<Domain>::enabled)
        if (ref)
            check_counted<Domain>(reference_access::word(ref), kind_of(Access), unknown_caller<Domain>());
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
[[gnu::always_inline]] inline void start(const prepared& what, ring_operations::record& record,
                                         io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>& ref,
                                         std::uint64_t offset_or_flags, const record_options& options,
                                         Error&& error) {
    report_success(error);
    const std::uintptr_t word = reference_access::release(ref);
    record.type = &type_of_operation<Domain, Access>;
    record.device_writes = device_writes(Opcode);
    record.cookie = options.cookie.value();
    record.binding.store(what.mark, std::memory_order_relaxed);
    record.word.store(word, std::memory_order_release);
    fill_entry<Opcode>(sqe, fd, what, offset_or_flags, record.number.load(std::memory_order_relaxed));
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
[[gnu::noinline]] void prepare_slowly(submission_entry sqe, int fd, user_page_ref<Domain, Access>& ref,
                                      std::uint64_t offset_or_flags, record_options options, Error&& error) {
    const prepared what =
        look_up<Domain, completed_by::handle>(sqe, reference_access::word(ref), options.part);
    if (what.fault != prepare_fault::none) return refuse(what.fault, sqe, what.mark, error);
    ring_operations::record* const record = what.ring->operations.claim();
    if (record == nullptr) return refuse(prepare_fault::table_full, sqe, what.mark, error);
    start<Opcode>(what, *record, *sqe.get(), fd, ref, offset_or_flags, options, error);
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
[[gnu::always_inline]] inline void prepare(submission_entry sqe, int fd, user_page_ref<Domain, Access>& ref,
                                           std::uint64_t offset_or_flags, const record_options& options,
                                           Error&& error) {
    check_access<Opcode, Access>();
    check_tracked(ref);
    const std::uintptr_t word = reference_access::word(ref);
    if (is_plain_word(word)) [[likely]] {
        const prepared what = look_up<Domain, completed_by::handle, look::at_once>(sqe, word, options.part);
        if (what.fault == prepare_fault::none && what.ring->operations.knows_free()) [[likely]]
            return start<Opcode>(what, what.ring->operations.claim_known(), *sqe.get(), fd, ref,
                                 offset_or_flags, options, error);
    }
    prepare_slowly<Opcode>(sqe, fd, ref, offset_or_flags, options, error);
}

template <ring_opcode Opcode, class Domain, dma_access Access, class Error>
ring_token<Domain, Access> prepare_token(submission_entry sqe, int fd, user_page_ref<Domain, Access>& ref,
                                         std::uint64_t offset_or_flags, const token_options& options,
                                         Error&& error) {
    using place = typename ring_place_of<Domain>::type;
    check_access<Opcode, Access>();
    check_tracked(ref);
    prepared what = look_up<Domain, completed_by::token>(sqe, reference_access::word(ref), options.part);
    const std::uint64_t user_data = options.user_data.value();
    if (user_data == user_data_of_none && what.fault == prepare_fault::none)
        what.fault = prepare_fault::reserved_user_data;
    if (what.fault != prepare_fault::none) [[unlikely]] {
        refuse(what.fault, sqe, what.mark, error);
        return in_flight_access::empty<place, user_page_ref<Domain, Access>>();
    }
    report_success(error);
    fill_entry<Opcode>(*sqe.get(), fd, what, offset_or_flags, user_data);
    what.ring->note_token(*sqe.get(), user_data);
    ring_access::tokens(*what.mark).fetch_add(1, std::memory_order_relaxed);
    return in_flight_access::make<place>(std::move(ref), user_data,
                                         device_writes(Opcode) ? put_as::dirty : put_as::clean,
                                         static_cast<std::uint8_t>(Opcode));
}

} // namespace gup::inline GUP_NAMESPACE::detail
