// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a user-space driver does with pinned pages: hand a reference to the device until the device says that
/// it is done.
///
/// The library does not know the device. The driver writes the I/O address where the device expects it, gives
/// each operation a number of its own (the device's command identifier, say), and completes it when that
/// number comes back. After a time-out, first make the device stop, with vfio_device::reset or
/// disable_bus_master; only then complete its operations.

#include "gup/detail/iova/iova_binding.hpp"
#include "gup/in_flight.hpp"
#include "gup/linear.hpp"

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace gup {

namespace detail {

/// The kind of the tokens made here.
inline constexpr std::uint8_t dma_kind = 255;

/// Also if several of its domains are vfio_domains, when the binding is an ambiguous base.
template <class Domain>
inline constexpr bool reaches_devices = std::is_base_of_v<iova_binding, typename Domain::registration>;

template <class Ref>
in_flight<Ref> start_dma(Ref& ref, std::uint64_t user_data, put_as on_completion) {
    static_assert(reaches_devices<typename Ref::domain_type>,
                  "no device can reach this page: its pool must be made with a vfio_domain");
    if (!ref)
        throw pin_error(
            {.code = std::make_error_code(std::errc::invalid_argument),
             .call = "starting a DMA",
             .remedy = "the reference is empty: it has been put, or handed to another operation"});
    return in_flight_access::make(std::move(ref), user_data, on_completion, dma_kind);
}

/// Refuses a token of something else: of io_uring, for example, which must complete it itself.
template <class Ref>
void check_dma_token(const in_flight<Ref>& token, const char* call) {
    static_assert(
        reaches_devices<typename Ref::domain_type>,
        "this operation is not a device's of a vfio_domain: complete it with the completion that its "
        "own domain gives");
    if (!token || in_flight_access::kind(token) != dma_kind)
        throw pin_error({.code = {ESTALE, std::generic_category()},
                         .call = call,
                         .remedy = "the token is empty, or of an operation that was not started with "
                                   "start_dma_to_device or start_dma_from_device"});
}

} // namespace detail

/// Hands a reference to a device that reads the page; of any access. Call it before the device is told.
/// Throws pin_error (EINVAL) if the reference is empty.
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>> start_dma_to_device(user_page_ref<Domain, Access>&& ref,
                                                             std::uint64_t user_data) {
    return detail::start_dma(ref, user_data, put_as::clean);
}
/// Hands a reference to a device that may write to the page; completing makes the page dirty. Otherwise as
/// start_dma_to_device.
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>> start_dma_from_device(user_page_ref<Domain, Access>&& ref,
                                                               std::uint64_t user_data) {
    static_assert(device_may_write(Access),
                  "the device would write to the page: it takes only a read_write reference");
    return detail::start_dma(ref, user_data, put_as::dirty);
}

/// The reference of a finished operation, which the device has named by its number. Throws pin_error (ESTALE)
/// and leaves the token as it is if the token is empty or of another operation.
template <class Ref>
[[nodiscard("the page must be put")]] Ref complete(in_flight<Ref>&& token, std::uint64_t user_data) {
    detail::check_dma_token(token, "completing a DMA");
    if (token.user_data() != user_data)
        throw pin_error({.code = {ESTALE, std::generic_category()},
                         .call = "completing a DMA",
                         .remedy = "the token is of another operation than the one that finished"});
    if (detail::in_flight_access::on_completion(token) == put_as::dirty)
        detail::page_access::set_dirty(detail::page_of(detail::in_flight_access::word(token)));
    return detail::in_flight_access::give_back(token);
}

/// The reference of an operation that the device was never told of. Throws pin_error (ESTALE) if the token is
/// empty.
template <class Ref>
[[nodiscard("the page must be put")]] Ref take_back(in_flight<Ref>&& token) {
    detail::check_dma_token(token, "taking a DMA back");
    return detail::in_flight_access::give_back(token);
}

// Wrong spellings, each with the right one.

template <class Domain, dma_access Access>
void start_dma_to_device(const user_page_ref<Domain, Access>&, std::uint64_t) {
    static_assert(detail::never<Domain>, "the operation takes the reference over until it completes: write "
                                         "start_dma_to_device(std::move(ref), ...)");
}
template <class Domain, dma_access Access>
void start_dma_from_device(const user_page_ref<Domain, Access>&, std::uint64_t) {
    static_assert(detail::never<Domain>, "the operation takes the reference over until it completes: write "
                                         "start_dma_from_device(std::move(ref), ...)");
}
template <class Domain>
void start_dma_to_device(const page_ref<Domain>&, std::uint64_t) {
    static_assert(detail::never<Domain>, "a page_ref is no licence for DMA: pin the page and hand the pin "
                                         "over, start_dma_to_device(get_user_page(ref), ...)");
}
template <class Domain>
void start_dma_from_device(const page_ref<Domain>&, std::uint64_t) {
    static_assert(detail::never<Domain>, "a page_ref is no licence for DMA: pin the page and hand the pin "
                                         "over, start_dma_from_device(get_user_page(ref), ...)");
}
template <class Ref>
void start_dma_to_device(const linear<Ref>&, std::uint64_t) {
    static_assert(detail::never<Ref>, "an operation takes an ordinary reference: write "
                                      "start_dma_to_device(std::move(ref).relax(), ...)");
}
template <class Ref>
void start_dma_from_device(const linear<Ref>&, std::uint64_t) {
    static_assert(detail::never<Ref>, "an operation takes an ordinary reference: write "
                                      "start_dma_from_device(std::move(ref).relax(), ...)");
}

} // namespace gup
