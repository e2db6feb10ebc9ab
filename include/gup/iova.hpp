// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `iova(ref)`: the address at which devices see a page. For drivers whose memory is mapped by an IOMMU.

#include "gup/detail/iova/iova_mark.hpp"
#include "gup/in_flight.hpp"
#include "gup/linear.hpp"
#include "gup/pin_place.hpp"

#include <concepts>
#include <cstdint>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

template <class Registration, class Which>
[[gnu::always_inline]] inline std::uint64_t iova_in(std::uintptr_t word) noexcept {
    const Which& registration = registration_of<Registration>(word);
    return reinterpret_cast<std::uintptr_t>(pinned_memory_of(word).data()) +
           iova_access::bias(mark_access::of<iova_mark>(registration));
}
/// Out of line, so that an ordinary page's way needs no frame for the calls.
template <class Registration, class Which>
[[gnu::noinline]] std::uint64_t iova_of_stand_in(std::uintptr_t word) noexcept {
    return iova_in<Registration, Which>(word);
}

/// The registration whose I/O address is meant: that of the domain named, else the only one that has one.
template <class Which>
struct iova_registration {
    using type = typename Which::registration;
};
template <>
struct iova_registration<void> {
    using type = marked<iova_mark>;
};

template <class Which, class Domain>
[[gnu::always_inline]] inline std::uint64_t iova_of(std::uintptr_t word) noexcept {
    using registration = typename Domain::registration;
    using which = typename iova_registration<Which>::type;
    static_assert(
        std::derived_from<registration, which> && std::derived_from<which, marked<iova_mark>>,
        "this page has no such I/O address: its pool must be made with a vfio_domain, and of several "
        "ones iova<domain>(ref) names which");
    if (!is_plain_word(word)) [[unlikely]]
        return iova_of_stand_in<registration, which>(word);
    return iova_in<registration, which>(word);
}

} // namespace detail

/// The address at which devices of the domain see the page; that of a byte inside is as much further. A page
/// is one run of I/O addresses. Arithmetic only: no look-up, no lock. Not of an empty reference. In a
/// `domains<...>` with several vfio_domains, `Which` is the one meant. Valid while the reference is.
template <class Which = void, class Domain, dma_access Access>
[[nodiscard, gnu::always_inline]] inline std::uint64_t iova(const user_page_ref<Domain, Access>& ref,
                                                            detail::origin_of<Domain> where = {}) noexcept {
    return detail::iova_of<Which, Domain>(detail::held(ref, where));
}
template <class Which = void, class Domain, dma_access Access>
[[nodiscard, gnu::always_inline]] inline std::uint64_t
iova(const linear<user_page_ref<Domain, Access>>& ref) noexcept {
    return detail::iova_of<Which, Domain>(detail::linear_access::held(ref));
}
/// Of a page that a device holds; not of an empty token.
template <class Which = void, class Ref, class Place>
[[nodiscard]] std::uint64_t iova(const in_flight<Ref, Place>& token,
                                 detail::caller_of<Ref> where = {}) noexcept {
    return detail::iova_of<Which, typename Ref::domain_type>(detail::held(token, where));
}

// Wrong spellings, each with the right one.

template <class Which = void, class Domain>
std::uint64_t iova(const page_ref<Domain>&) GUP_REFUSED(
    "a page_ref is no licence for DMA: pin the page, get_user_page(ref), and ask the pin for its I/O "
    "address");
template <class Which = void, class Domain, dma_access Access>
std::uint64_t iova(const user_page_ref<Domain, Access>&&) GUP_REFUSED(
    "the I/O address of a temporary is of a page that is put at once: name the reference and keep "
    "it while the device has the address");
template <class Which = void>
std::uint64_t iova(detail::anything, detail::anything = {}, detail::anything = {}) GUP_REFUSED(
    "iova takes a pinned reference, or the token of an operation, by name: write iova(ref), or "
    "iova<domain>(ref) of a page in several. Of a pointer, optional or maybe pass what it holds, *ref, if "
    "it holds any; of a pointer into memory ask domain.find_iova(pointer)");

} // namespace gup::inline GUP_NAMESPACE
