// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a user-space driver does with pinned pages: hand a reference to the device until the device says that
/// it is done.
///
/// The library does not know the device. The driver writes the I/O address (iova.hpp) where the device
/// expects it, gives each operation a number of its own (the device's command identifier, say), and completes
/// it when that number comes back. After a time-out, first make the device stop, with vfio_device::reset or
/// disable_bus_master; only then complete its operations.

#include "gup/detail/wrong_reference.hpp"
#include "gup/error.hpp"
#include "gup/in_flight.hpp"
#include "gup/pin_place.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

/// A place whose devices the program drives says `static constexpr bool driven_by_program = true`.
template <class Place>
inline constexpr bool driven_by_program = requires {
    requires pins_by<Place>::type::driven_by_program;
};

template <class List>
struct driven_places;
template <class... Places>
struct driven_places<place_list<Places...>> {
    static constexpr std::size_t count = (std::size_t{0} + ... + driven_by_program<Places>);
};

/// The first such place of a list; void if there is none.
template <class List>
struct first_driven {
    using type = void;
};
template <class Place, class... Rest>
struct first_driven<place_list<Place, Rest...>> : first_driven<place_list<Rest...>> {};
template <class Place, class... Rest>
    requires driven_by_program<Place>
struct first_driven<place_list<Place, Rest...>> {
    using type = Place;
};

/// Stands for the place that is not there, so that the operation can say so.
struct no_device {};

/// Whose device is meant: that of the domain named, else of the only place with one.
template <class Which, class Domain>
struct device_place {
    using places = typename places_of<std::conditional_t<std::is_void_v<Which>, Domain, Which>>::type;
    static constexpr bool known =
        driven_places<places>::count == 1 && (std::is_void_v<Which> || std::is_base_of_v<Which, Domain>);
    using type = std::conditional_t<known, typename first_driven<places>::type, no_device>;
};
template <class Which, class Domain, dma_access Access>
using device_token = in_flight<user_page_ref<Domain, Access>, typename device_place<Which, Domain>::type>;

template <class Which, class Domain, dma_access Access>
device_token<Which, Domain, Access> start_dma(user_page_ref<Domain, Access>& ref, std::uint64_t user_data,
                                              put_as on_completion) {
    static_assert(device_place<Which, Domain>::known,
                  "no device can reach this page: its pool must be made with a vfio_domain, and of several "
                  "ones start_dma_to_device<domain>(...) names which");
    if (!ref)
        throw_refusal(EINVAL, "starting a DMA",
                      "the reference is empty: it has been put, or handed to another operation");
    return in_flight_access::make<typename device_place<Which, Domain>::type>(std::move(ref), user_data,
                                                                              on_completion);
}

template <class Ref, class Place>
void check_device_token(const in_flight<Ref, Place>& token, const char* call) {
    static_assert(
        driven_by_program<Place>,
        "this operation is not a device's of a vfio_domain: complete it with the completion that its "
        "own domain gives");
    if (!token)
        throw_refusal(ESTALE, call, "the token is empty: its operation has been completed, or moved on");
}

} // namespace detail

/// Hands a reference to a device that reads the page; of any access. Call it before the device is told. In a
/// `domains<...>` with several vfio_domains, `Which` is the one meant. Throws pin_error (EINVAL) if the
/// reference is empty.
template <class Which = void, class Domain, dma_access Access>
detail::device_token<Which, Domain, Access> start_dma_to_device(user_page_ref<Domain, Access>&& ref,
                                                                std::uint64_t user_data) {
    return detail::start_dma<Which>(ref, user_data, put_as::clean);
}
/// Hands a reference to a device that may write to the page; completing makes the page dirty. Otherwise as
/// start_dma_to_device.
template <class Which = void, class Domain, dma_access Access>
detail::device_token<Which, Domain, Access> start_dma_from_device(user_page_ref<Domain, Access>&& ref,
                                                                  std::uint64_t user_data) {
    static_assert(device_may_write(Access),
                  "the device would write to the page: it takes only a read_write reference");
    return detail::start_dma<Which>(ref, user_data, put_as::dirty);
}

/// The reference of a finished operation, which the device has named by its number. Throws pin_error (ESTALE)
/// and leaves the token as it is if the token is empty or of another operation. The token is named or moved,
/// as for the operations of io_uring.
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref complete(in_flight<Ref, Place>& token GUP_LEAVES_CONSUMED,
                                                   std::uint64_t user_data) {
    detail::check_device_token(token, "completing a DMA");
    if (token.user_data() != user_data)
        detail::throw_refusal(ESTALE, "completing a DMA",
                              "the token is of another operation than the one that finished");
    if (detail::in_flight_access::on_completion(token) == put_as::dirty)
        detail::page_access::set_dirty(detail::page_of(detail::reference_access::word(token)));
    return detail::in_flight_access::give_back(token);
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref complete(in_flight<Ref, Place>&& token, std::uint64_t user_data) {
    return complete(token, user_data);
}

/// The reference of an operation that the device was never told of. Throws pin_error (ESTALE) if the token is
/// empty.
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref take_back(in_flight<Ref, Place>& token GUP_LEAVES_CONSUMED) {
    detail::check_device_token(token, "taking a DMA back");
    return detail::in_flight_access::give_back(token);
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref take_back(in_flight<Ref, Place>&& token) {
    return take_back(token);
}

// Wrong spellings, each with the right one.

template <class Which = void, detail::named_reference Ref, class... Rest>
detail::anything start_dma_to_device(Ref&&, Rest&&...)
    GUP_REFUSED("the operation takes the reference over until it completes: write "
                "start_dma_to_device(std::move(ref), ...), "
                "with one that is not const");
template <class Which = void, detail::ordinary_reference Ref, class... Rest>
detail::anything start_dma_to_device(Ref&&, Rest&&...)
    GUP_REFUSED("a page_ref is no licence for DMA: pin the page and hand the pin over, "
                "start_dma_to_device(get_user_page(ref), ...)");
template <class Which = void, detail::linear_reference Ref, class... Rest>
detail::anything start_dma_to_device(Ref&&, Rest&&...) GUP_REFUSED(
    "an operation takes an ordinary reference: write start_dma_to_device(std::move(ref).relax(), ...)");
template <class Which = void>
detail::anything start_dma_to_device(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                     detail::anything = {})
    GUP_REFUSED(
        "start_dma_to_device takes a pinned reference and the number that the device knows the "
        "operation by: write "
        "start_dma_to_device(std::move(ref), number). Of a pointer, optional or maybe pass what it holds, "
        "std::move(*ref), if "
        "it holds any; neither domain nor device is named");

template <class Which = void, detail::named_reference Ref, class... Rest>
detail::anything start_dma_from_device(Ref&&, Rest&&...)
    GUP_REFUSED("the operation takes the reference over until it completes: write "
                "start_dma_from_device(std::move(ref), ...), "
                "with one that is not const");
template <class Which = void, detail::ordinary_reference Ref, class... Rest>
detail::anything start_dma_from_device(Ref&&, Rest&&...)
    GUP_REFUSED("a page_ref is no licence for DMA: pin the page and hand the pin over, "
                "start_dma_from_device(get_user_page(ref), ...)");
template <class Which = void, detail::linear_reference Ref, class... Rest>
detail::anything start_dma_from_device(Ref&&, Rest&&...) GUP_REFUSED(
    "an operation takes an ordinary reference: write start_dma_from_device(std::move(ref).relax(), ...)");
template <class Which = void>
detail::anything start_dma_from_device(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                       detail::anything = {})
    GUP_REFUSED("start_dma_from_device takes a pinned reference and the number that the device knows the "
                "operation by: write "
                "start_dma_from_device(std::move(ref), number). Of a pointer, optional or maybe pass what it "
                "holds, std::move(*ref), if "
                "it holds any; neither domain nor device is named");

} // namespace gup::inline GUP_NAMESPACE
