// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `page_proxy`: an object in front of a page that gives it another mapping and index and carries data of its
/// own. For pages that have several names: every reference that leads to a page through a proxy is of the
/// same types, and works in the same places, as one that leads there directly.
///
/// Content, dirty state, address and pin are the page's, the base's, through whichever proxy it is reached.
/// A proxy holds a plain reference to its base while it exists, and a pin of each kind of which it has pins
/// itself: a proxy that nobody pins does not make its base look pinned. Proxies are made by sources (see
/// proxy_source.hpp), and go back to them with their last put.

#include "gup/page_flags.hpp"
#include "gup/typed_pointer.hpp"

#include <cstdint>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

namespace detail {
struct proxy_access;
template <class StandIn, class Kernel>
class stand_in_store;
} // namespace detail

/// What a proxy overrides and carries; what it points to outlives the proxy.
struct proxy_attributes {
    typed_pointer mapping{};   ///< the named owner of pages that this is a page of
    std::uint64_t index = 0;   ///< which of its pages
    typed_pointer auxiliary{}; ///< whatever belongs to this name of the page and not to the page
};

/// Found through a reference that leads to one, and valid while that is held. All members may be called from
/// any thread.
class page_proxy : detail::stand_in {
public:
    page_proxy(const page_proxy&) = delete;
    page_proxy& operator=(const page_proxy&) = delete;

    /// What the page is a page of, by this name.
    typed_pointer mapping() const noexcept { return attributes_.mapping; }
    /// Which page of its mapping.
    std::uint64_t index() const noexcept { return attributes_.index; }
    /// Whatever the source gave along.
    typed_pointer auxiliary() const noexcept { return attributes_.auxiliary; }
    /// The page.
    const page& base_page() const noexcept { return *base; }
    /// True if a pin is out that leads through this proxy; its base may be pinned through others.
    bool pinned() const noexcept { return counts().pinned(); }

private:
    friend struct detail::proxy_access;
    template <class StandIn, class Kernel>
    friend class detail::stand_in_store;
    page_proxy() noexcept = default;

    proxy_attributes attributes_{};
};

static_assert(sizeof(page_proxy) == 128 && alignof(page_proxy) == 128);

namespace detail {

/// The library's own way into a proxy.
struct proxy_access {
    static page_proxy& of(const void* slot) noexcept { return static_cast<page_proxy&>(stand_in::of(slot)); }
    static page_proxy& of_word(std::uintptr_t word) noexcept { return of(&counted_of(word)); }
    static stand_in& stand_in_of(page_proxy& proxy) noexcept { return proxy; }

    /// Word of a reference that counts in this part of a proxy.
    static std::uintptr_t word(const counted& c) noexcept {
        return reinterpret_cast<std::uintptr_t>(&c) | reference_word::proxy_tag;
    }
    /// Sets up a proxy without references, and its first, a plain one. The base is held already.
    static std::uintptr_t start(page_proxy& proxy, page& base, const proxy_attributes& attributes) noexcept {
        proxy.base = &base;
        proxy.attributes_ = attributes;
        page_access::set_link(proxy.own, nullptr); // no flags
        proxy.counts().start(reference_kind::plain);
        return word(page_access::counted_of(proxy.own));
    }
    /// An ordinary reference, empty if the proxy has none any more, or a crowd. The caller knows that the
    /// proxy's memory is there, not what is in it.
    template <class Domain>
    static page_ref<Domain> try_get(page_proxy& proxy) noexcept {
        if (!proxy.counts().add_unless_free_or_crowded(reference_kind::plain)) return {};
        return reference_access::make<page_ref<Domain>>(word(page_access::counted_of(proxy.own)));
    }
    /// Likewise a pin. Makes no system call, takes no lock and does not allocate.
    template <class Domain, dma_access Access>
    static user_page_ref<Domain, Access> try_pin(page_proxy& proxy) noexcept {
        counted* const c = try_add_pin_to_stand_in<counting_t<Domain>>(proxy, kind_of(Access));
        if (c == nullptr) return {};
        return reference_access::make<user_page_ref<Domain, Access>>(word(*c));
    }
};

} // namespace detail

/// True if the reference leads through a proxy.
template <page_reference Ref>
bool page_proxied(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return (detail::held(ref, where) & detail::reference_word::proxy_tag) != 0;
}

/// The proxy that a reference leads through, of a reference known to do so.
template <page_reference Ref>
const page_proxy& unchecked_page_proxy(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return detail::proxy_access::of_word(detail::held(ref, where));
}

/// The proxy that a reference leads through; null if it leads to its page directly.
template <page_reference Ref>
const page_proxy* find_page_proxy(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return page_proxied(ref, where) ? &unchecked_page_proxy(ref, where) : nullptr;
}

/// What the page is a page of: the proxy's mapping, else, of a page of a pool, its zone, and of a dynamic
/// page nothing.
template <page_reference Ref>
typed_pointer page_mapping(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    if (const page_proxy* const proxy = find_page_proxy(ref, where); proxy != nullptr) [[unlikely]]
        return proxy->mapping();
    const page& p = page_descriptor(ref, where);
    return detail::page_access::dynamic(p) ? typed_pointer() : typed_pointer(&zone::of(&p));
}
/// As page_mapping, of a reference known to lead through a proxy.
template <page_reference Ref>
typed_pointer unchecked_page_mapping(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return unchecked_page_proxy(ref, where).mapping();
}

/// Which page of its mapping: the proxy's index, else the place in the zone, and 0 for a dynamic page.
template <page_reference Ref>
std::uint64_t page_index(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    if (const page_proxy* const proxy = find_page_proxy(ref, where); proxy != nullptr) [[unlikely]]
        return proxy->index();
    const page& p = page_descriptor(ref, where);
    return detail::page_access::dynamic(p) ? 0 : zone::of(&p).place_of(p);
}
/// As page_index, of a reference known to lead through a proxy.
template <page_reference Ref>
std::uint64_t unchecked_page_index(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return unchecked_page_proxy(ref, where).index();
}

/// The data that the proxy carries, or without one the dynamic page, if it is of this type; else null.
template <class T, page_reference Ref>
T* auxiliary(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    if (const page_proxy* const proxy = find_page_proxy(ref, where); proxy != nullptr)
        return proxy->auxiliary().get<T>();
    const detail::dynamic_stand_in* const d = detail::to_dynamic(page_descriptor(ref, where));
    return d != nullptr ? d->memory.auxiliary.get<T>() : nullptr;
}
/// As auxiliary, of a reference known to lead through a proxy that carries data of this type.
template <class T, page_reference Ref>
T* unchecked_auxiliary(const Ref& ref, detail::caller_of<Ref> where = {}) noexcept {
    return unchecked_page_proxy(ref, where).auxiliary().template unchecked_get<T>();
}

} // namespace gup::inline GUP_NAMESPACE
