// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `page_ref`: an ordinary reference. It keeps a page and its content for the CPU and is never a licence for
/// DMA; for that, pin the page with get_user_page.

#include "gup/annotations.hpp"
#include "gup/detail/reference_verbs.hpp"
#include "gup/detail/refused_calls.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

template <class Domain, dma_access Access>
class user_page_ref;

/// An ordinary reference to a page of a pool of `Domain`: 8 bytes, move-only. Dropping it puts it. Of an
/// empty one that is used, and of handles copied by their bytes, see user_page_ref. Different handles may be
/// used from different threads at once, one handle from one thread at a time.
template <class Domain>
class [[nodiscard("a page_ref that is thrown away is put at once"), GUP_CONSUMABLE]] page_ref {
public:
    using domain_type = Domain;

    /// Refers to nothing.
    GUP_LEAVES_CONSUMED page_ref() noexcept = default;
    page_ref(page_ref &&) noexcept = default;
    /// Puts the page held before.
    page_ref& operator=(page_ref&& other) noexcept {
        const std::uintptr_t taken = other.word_.release();
        drop();
        word_.set(taken);
        return *this;
    }
    GUP_NOT_COPIED(page_ref,
                   "an ordinary reference is not copied: a second one is explicit, get_page(ref), and "
                   "to hand this one on write std::move(ref), of one that is not const; containers of "
                   "references, lambdas that capture one, and all else that has one, likewise");
    template <class Other>
    page_ref(page_ref<Other> &&)
        GUP_REFUSED("this is a reference to a page of another domain: domains do not share pages, nor do "
                    "those of different tags");
    template <class Other, dma_access Access>
    page_ref(user_page_ref<Other, Access> &&)
        GUP_REFUSED("a pinned reference stays one until its put: an ordinary one to the same page comes from "
                    "find_get_page(pool, ref.bytes().data())");
#ifndef __clang__ // as in user_page_ref.hpp
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
    GUP_CALLABLE_UNLESS_UNCONSUMED ~page_ref() { drop(); }
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

    /// Exchanges the pages of two references. (To -Wconsumed both then hold one.)
    friend void swap(page_ref & a GUP_LEAVES_UNCONSUMED, page_ref & b GUP_LEAVES_UNCONSUMED) noexcept {
        const std::uintptr_t word = a.word_.value();
        a.set(b.word_.value());
        b.set(word);
    }

    /// True unless empty or moved from.
    GUP_TESTS_UNCONSUMED explicit operator bool() const noexcept { return static_cast<bool>(word_); }

    /// The page's memory. The view must not outlive the reference. Not on an empty reference.
    GUP_CALLABLE_UNLESS_CONSUMED std::span<std::byte> bytes(detail::origin_of<Domain> where = {})
        const& noexcept GUP_LIFETIMEBOUND {
        return detail::memory_of(detail::held(*this, where));
    }
    template <class Temporary = void>
    std::span<std::byte> bytes() const&& noexcept {
        static_assert(detail::never<Temporary>,
                      "bytes() of a temporary page_ref would dangle at once: name the "
                      "reference and keep it while the view is used");
        return {};
    }
    /// Bytes of the page. Not on an empty reference.
    GUP_CALLABLE_UNLESS_CONSUMED std::size_t size(detail::origin_of<Domain> where = {}) const noexcept {
        return detail::memory_of(detail::held(*this, where)).size();
    }

private:
    friend struct detail::reference_access;
    explicit page_ref(detail::reference_word word) noexcept : word_(std::move(word)) {}

    GUP_SETS_CONSUMED std::uintptr_t release() noexcept { return word_.release(); }
    GUP_SETS_UNCONSUMED void set(std::uintptr_t word) noexcept { word_.set(word); }
    void drop() noexcept {
        if (word_) detail::end_reference<Domain>(word_.release(), detail::reference_kind::plain);
    }

    detail::reference_word word_;
};

/// A second ordinary reference to the same page. Not on an empty reference.
template <class Domain>
[[nodiscard("the new reference must be put")]] page_ref<Domain>
get_page(const page_ref<Domain>& ref GUP_NEEDS_UNCONSUMED, detail::origin_of<Domain> where = {}) noexcept {
    return detail::reference_access::make<page_ref<Domain>>(
        detail::another_reference<Domain>(detail::held(ref, where), detail::reference_kind::plain, where));
}

/// Gives an ordinary reference back; the last reference of any kind gives the page back to its pool, and
/// content and dirty flag with it. Not on an empty reference.
template <class Domain>
void put_page(page_ref<Domain>&& ref GUP_NEEDS_UNCONSUMED GUP_LEAVES_CONSUMED,
              detail::origin_of<Domain> where = {}) noexcept {
    const std::uintptr_t word = detail::reference_access::release(ref);
    detail::prepare_put<Domain>(word, detail::reference_kind::plain, where);
    detail::put_reference<Domain>(word, detail::reference_kind::plain);
}

// Wrong spellings, each with the right one.

template <class Domain>
void put_page(page_ref<Domain>&) noexcept {
    static_assert(detail::never<Domain>, "put_page takes the reference over: write put_page(std::move(ref))");
}
template <class Domain>
void put_page(const page_ref<Domain>&) noexcept {
    static_assert(detail::never<Domain>, "a const reference is only lent: whoever owns it puts it");
}
template <class Domain, class... Decision>
void put_user_page(page_ref<Domain>&&, Decision&&...) noexcept {
    static_assert(
        detail::never<Domain>,
        "put_user_page is for pinned references: a page_ref came from get_page and goes with put_page");
}
template <class Domain, class... Decision>
void put_user_page(const page_ref<Domain>&, Decision&&...) noexcept {
    static_assert(detail::never<Domain>, "put_user_page is for pinned references: a page_ref came from "
                                         "get_page and goes with put_page(std::move(ref))");
}
template <dma_access Access = dma_access::read_write, class Domain>
user_page_ref<Domain, Access> ref_user_page(const page_ref<Domain>&) GUP_REFUSED(
    "ref_user_page is for pinned references: a second page_ref comes from get_page(ref), a pin of "
    "the same page from get_user_page<access>(ref)");

static_assert(sizeof(page_ref<void>) == 8);

} // namespace gup::inline GUP_NAMESPACE
