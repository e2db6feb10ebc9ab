// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `dynamic_page`: the descriptor of memory that the library did not allocate. `get_user_pages(domain, span)`
/// pins the caller's memory and gives a reference of the same type as those to pages of a pool.
///
/// A range has one descriptor and one count, whatever its length. Pinning exactly the same range once more,
/// in the same domain, is one pin more of it. A range that overlaps one that is pinned, without being the
/// same, is refused: the two would not know of each other's pins and dirty state.
///
/// Two shared mappings (MAP_SHARED) of the same part of a file are the same pages at two addresses. Pinned in
/// one domain they share a base, the one that was pinned first: pin, page number, dirty state and the address
/// that devices use are the base's, and memory is charged once. Each reference shows the address it was got
/// with. Private mappings never match, because their pages differ after the first write; nor do mappings that
/// cannot be written, or of files under two names (hard links): the kernel tells no program without
/// privileges whether those are the same pages, on overlayfs and btrfs they may not be. A range that shows
/// the same part of a file twice in a row, a mirror, is one range like any other.
///
/// The caller keeps the memory mapped until the last reference is put, through any of its mappings. What was
/// put dirty is known only while a reference of some kind is out.

#include "gup/page_flags.hpp"
#include "gup/pin_domain.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace gup::inline GUP_NAMESPACE {

namespace detail {
struct dynamic_access;
template <class StandIn, class Kernel>
class stand_in_store;
template <class Domain>
class dynamic_registry;
} // namespace detail

/// Found through a reference that leads to one, and valid while that is held. All members may be called from
/// any thread.
class dynamic_page : detail::dynamic_stand_in {
public:
    dynamic_page(const dynamic_page&) = delete;
    dynamic_page& operator=(const dynamic_page&) = delete;

    /// First byte of the memory, at the address that it was pinned with.
    std::byte* vaddr() const noexcept { return memory.address; }
    /// Bytes of the memory.
    std::size_t length() const noexcept { return memory.length; }
    /// The number of its first page: the base's.
    std::uint64_t pfn() const noexcept { return memory.pfn; }
    /// The page with the pin and the dirty flag: this one, or that of the mapping that was pinned first.
    const page& base_page() const noexcept { return *base; }
    /// Whatever the provider of the memory gave along; nothing for memory of the program's own.
    typed_pointer auxiliary() const noexcept { return memory.auxiliary; }
    /// True if another mapping of the same memory is the base.
    bool second_mapping() const noexcept { return forwards(); }

private:
    friend struct detail::dynamic_access;
    template <class StandIn, class Kernel>
    friend class detail::stand_in_store;
    dynamic_page() noexcept = default;
};

namespace detail {

/// The library's own way into a dynamic page.
struct dynamic_access {
    static dynamic_page& of(const void* slot) noexcept {
        return static_cast<dynamic_page&>(stand_in::of(slot));
    }
    static dynamic_stand_in& stand_in_of(dynamic_page& d) noexcept { return d; }
    static const dynamic_page* of_page(const page& p) noexcept {
        return page_access::dynamic(p) ? &of(&p) : nullptr;
    }
    /// Word of a reference that counts in this part of a dynamic page.
    static std::uintptr_t word(const counted& c) noexcept {
        return reinterpret_cast<std::uintptr_t>(&c) | reference_word::dynamic_tag;
    }
};

} // namespace detail

/// The dynamic page that a reference leads to, through a proxy or not; null for a page of a pool.
template <page_reference Ref>
const dynamic_page* find_dynamic_page(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    const std::uintptr_t word = detail::held(ref, where);
    if ((word & detail::reference_word::dynamic_tag) != 0)
        return &detail::dynamic_access::of(&detail::counted_of(word));
    return detail::dynamic_access::of_page(page_descriptor(ref, where));
}
/// As find_dynamic_page, of a reference known to lead to one with no proxy in front.
template <page_reference Ref>
const dynamic_page& unchecked_dynamic_page(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return detail::dynamic_access::of(&detail::counted_of(detail::held(ref, where)));
}

/// Who provides memory that is neither the program's nor a file's, such as a device its BAR. A dynamic page
/// of it carries `auxiliary` and holds `keep_alive`, which is not null, until its last put. It never counts
/// as the same memory as another range, whatever the two seem to be mapped from; nor can it be pinned while
/// the same range is pinned without its provider (EBUSY), because nothing would keep it.
struct memory_provider {
    typed_pointer auxiliary{};
    std::shared_ptr<const void> keep_alive{};
};

} // namespace gup::inline GUP_NAMESPACE
