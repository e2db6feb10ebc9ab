// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What one may ask of a page through any reference: is it pinned, is it dirty, which one is it. For
/// write-back and for look-ups by page number.

#include "gup/page_ref.hpp"
#include "gup/user_page_ref.hpp"

#include <cstddef>
#include <cstdint>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

template <class>
inline constexpr bool is_reference = false;
template <class Domain>
inline constexpr bool is_reference<page_ref<Domain>> = true;
template <class Domain, dma_access Access>
inline constexpr bool is_reference<user_page_ref<Domain, Access>> = true;

template <class Ref>
inline constexpr bool may_dirty = true;
template <class Domain>
inline constexpr bool may_dirty<user_page_ref<Domain, dma_access::read>> = false;

} // namespace detail

/// A reference of either family. Every function here takes one that is not empty and may be called from any
/// thread.
template <class Ref>
concept page_reference = detail::is_reference<Ref>;

/// The descriptor that a reference leads to; it means nothing once the last reference has gone.
template <page_reference Ref>
const page& page_descriptor(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return detail::page_of(detail::held(ref, where));
}

/// True if any pinned reference to the page is out. Exact.
template <page_reference Ref>
bool page_maybe_dma_pinned(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return page_maybe_dma_pinned(page_descriptor(ref, where));
}

/// True if the page was written since it was last written back.
template <page_reference Ref>
bool page_dirty(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return detail::page_access::dirty(page_descriptor(ref, where));
}

/// Marks the page as written.
template <page_reference Ref>
void set_page_dirty(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    static_assert(detail::may_dirty<Ref>,
                  "nothing is written through a read reference, so it cannot make its page "
                  "dirty: use a page_ref or a reference with more access");
    detail::page_access::set_dirty(detail::page_of(detail::held(ref, where)));
}

/// Takes the dirty flag away before the page is written back: true if the page was dirty and is yours to
/// write. False if it was clean, and false, with the flag left as it was, while a device may write to it:
/// what is written back then would be neither the old content nor the new.
template <page_reference Ref>
bool clear_page_dirty_for_io(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    page& p = detail::page_of(detail::held(ref, where));
    const detail::reference_counts& counts = detail::page_access::counts(p);
    if (counts.device_may_write() || !detail::page_access::clear_dirty(p)) return false;
    if (!counts.device_may_write()) return true;
    detail::page_access::set_dirty(p); // a pin came between the two looks
    return false;
}

/// The page's number: its CPU address divided by 4096; of a page with several addresses, the one that it is
/// pinned at. Unique in the process, an identity, not a physical address.
template <page_reference Ref>
std::uint64_t page_to_pfn(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return detail::pfn_of(detail::held(ref, where));
}
/// As page_to_pfn, of a reference known to lead to a page of a pool with no proxy in front.
template <page_reference Ref>
std::uint64_t unchecked_page_to_pfn(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    const auto* const p = reinterpret_cast<const void*>(detail::held(ref, where));
    return reinterpret_cast<std::uintptr_t>(zone::of(p).address_of(p)) >> detail::pfn_shift;
}

/// The first byte of the page as the CPU sees it through this reference. Must not outlive it.
template <page_reference Ref>
auto page_address(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return ref.bytes(where).data();
}

// Wrong spellings, each with the right one.

template <class = void>
const page& page_descriptor(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("page_descriptor takes a page_ref or user_page_ref, by name: write page_descriptor(ref). Of "
                "a pointer, optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

template <class = void>
bool page_dirty(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("page_dirty takes a page_ref or user_page_ref, by name: write page_dirty(ref). Of a pointer, "
                "optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

template <class = void>
void set_page_dirty(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("set_page_dirty takes a page_ref or user_page_ref, by name: write set_page_dirty(ref). Of a "
                "pointer, optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

template <class = void>
bool clear_page_dirty_for_io(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("clear_page_dirty_for_io takes a page_ref or user_page_ref, by name: write "
                "clear_page_dirty_for_io(ref). Of a pointer, optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

template <class = void>
std::uint64_t page_to_pfn(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("page_to_pfn takes a page_ref or user_page_ref, by name: write page_to_pfn(ref). Of a "
                "pointer, optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

template <class = void>
std::uint64_t unchecked_page_to_pfn(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("unchecked_page_to_pfn takes a page_ref or user_page_ref, by name: write "
                "unchecked_page_to_pfn(ref). Of a pointer, optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

template <class = void>
std::byte* page_address(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("page_address takes a page_ref or user_page_ref, by name: write page_address(ref). Of a "
                "pointer, optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

template <class = void>
bool page_maybe_dma_pinned(detail::anything, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("page_maybe_dma_pinned takes a page_ref or user_page_ref, by name: write "
                "page_maybe_dma_pinned(ref). Of a pointer, optional or maybe pass what it "
                "holds, *ref, if it holds any; a token is completed first, a linear reference has relax()");

} // namespace gup::inline GUP_NAMESPACE
