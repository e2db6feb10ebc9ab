// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `user_page_ref`: a pinned reference, the one that may be handed to a device. Its verbs are the kernel's:
/// get_user_page, ref_user_page, put_user_page.

#include "gup/page_ref.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// A pinned reference to a page of a pool of `Domain`: 8 bytes, move-only. `Access` says who may write
/// through it. Every path puts it with a decision; dropping it instead is safe and puts it dirty if anything
/// could have been written. Different handles may be used from different threads at once, one handle from one
/// thread at a time.
///
/// Only verbs get and put references. An empty one that is used ends the program: with a sentence if the
/// domain is a tracked one or the caller was built without NDEBUG, else by a fault. So does, under the same
/// conditions and whenever a destructor does it, a put for which no reference is counted any more, because a
/// handle was copied by its bytes (memcpy), or because g++ 12 destroyed it twice: it does that to temporaries
/// in `co_await awaiter{...}`, where the awaiter is an aggregate. Give such an awaiter a name.
template <class Domain, dma_access Access = dma_access::read_write>
class [[nodiscard("a pinned page that is thrown away is put at once"), GUP_CONSUMABLE]] user_page_ref {
public:
    using domain_type = Domain;
    static constexpr dma_access access = Access;
    /// What the CPU sees of the page: const bytes if nobody writes through this reference.
    using byte_type = std::conditional_t<cpu_may_write(Access), std::byte, const std::byte>;

    /// Refers to nothing.
    GUP_LEAVES_CONSUMED user_page_ref() noexcept = default;
    user_page_ref(user_page_ref &&) noexcept = default;
    /// Drops the page held before, dirty if anything could have been written.
    user_page_ref& operator=(user_page_ref&& other) noexcept {
        const std::uintptr_t taken = other.word_.release();
        drop();
        word_.set(taken);
        return *this;
    }
    GUP_NOT_COPIED(
        user_page_ref,
        "a pinned reference is not copied: a second pin is explicit, ref_user_page(ref), and to hand "
        "this one on write std::move(ref), of one that is not const; containers of references, "
        "lambdas that capture one, and all else that has one, likewise");
    template <class Other, dma_access Held>
    user_page_ref(user_page_ref<Other, Held> &&) GUP_REFUSED(
        "this reference is to a page of another domain, or of another access: domains do not share "
        "pins, ref_user_page<access>(ref) narrows an access, and nothing widens it");
    template <class Other>
    user_page_ref(page_ref<Other> &&)
        GUP_REFUSED("a page_ref is no licence for DMA: get_user_page(ref) pins its page");
// When a std::optional that has been reset goes, g++ 12 takes the word for uninitialised: it does not see
// that the optional is empty. It has nothing against a destructor that is not inline, but every put would.
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
    GUP_CALLABLE_UNLESS_UNCONSUMED ~user_page_ref() { drop(); }
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

    /// Exchanges the pages of two references. (To -Wconsumed both then hold one.)
    friend void swap(user_page_ref & a GUP_LEAVES_UNCONSUMED,
                     user_page_ref & b GUP_LEAVES_UNCONSUMED) noexcept {
        const std::uintptr_t word = a.word_.value();
        a.set(b.word_.value());
        b.set(word);
    }

    /// True unless empty or moved from.
    GUP_TESTS_UNCONSUMED explicit operator bool() const noexcept { return static_cast<bool>(word_); }
    /// What `linear` is made of. A conversion, because -Wconsumed knows what a member does to its object, and
    /// not what a constructor does to its argument.
    GUP_CALLABLE_UNLESS_CONSUMED GUP_SETS_CONSUMED operator detail::handed_over<user_page_ref>()&& noexcept {
        return detail::handed_over<user_page_ref>{release()};
    }

    /// The page's memory. The view must not outlive the reference. Not on an empty reference.
    GUP_CALLABLE_UNLESS_CONSUMED std::span<byte_type> bytes(detail::origin_of<Domain> where = {})
        const& noexcept GUP_LIFETIMEBOUND {
        return detail::memory_of(detail::held(*this, where));
    }
    template <class Temporary = void>
    std::span<byte_type> bytes() const&& noexcept {
        static_assert(detail::never<Temporary>,
                      "bytes() of a temporary user_page_ref would dangle at once: name the "
                      "reference and keep it while the view is used");
        return {};
    }
    /// Bytes of the page. Not on an empty reference.
    GUP_CALLABLE_UNLESS_CONSUMED std::size_t size(detail::origin_of<Domain> where = {}) const noexcept {
        return detail::memory_of(detail::held(*this, where)).size();
    }

private:
    friend struct detail::reference_access;
    explicit user_page_ref(detail::reference_word word) noexcept : word_(std::move(word)) {}

    GUP_SETS_CONSUMED std::uintptr_t release() noexcept { return word_.release(); }
    GUP_SETS_UNCONSUMED void set(std::uintptr_t word) noexcept { word_.set(word); }
    void drop() noexcept {
        if (word_) drop(word_.release());
    }
    /// Not inline: what goes or is assigned to is mostly empty. Of the word, not of the object, which else
    /// could be in no register.
    [[gnu::noinline]] static void drop(std::uintptr_t word) noexcept {
        detail::end_reference<Domain>(word, detail::kind_of(Access), cpu_may_write(Access));
    }

    detail::reference_word word_;
};

/// A second pin of the same page, with the same access or, `ref_user_page<dma_access::read>(ref)`, a narrower
/// one. Not on an empty reference.
template <class Domain, dma_access Access>
[[nodiscard("the new pin must be put")]] user_page_ref<Domain, Access>
ref_user_page(const user_page_ref<Domain, Access>& ref GUP_NEEDS_UNCONSUMED,
              detail::origin_of<Domain> where = {}) noexcept {
    return detail::reference_access::make<user_page_ref<Domain, Access>>(
        detail::another_reference<Domain>(detail::held(ref, where), detail::kind_of(Access), where));
}
template <dma_access Narrow, class Domain, dma_access Access>
[[nodiscard("the new pin must be put")]] user_page_ref<Domain, Narrow>
ref_user_page(const user_page_ref<Domain, Access>& ref GUP_NEEDS_UNCONSUMED,
              detail::origin_of<Domain> where = {}) noexcept {
    static_assert(narrows_to(Access, Narrow),
                  "access narrows and never widens: a reference that may not write cannot "
                  "give one that may; get the page with the wider access instead");
    const std::uintptr_t word = detail::held(ref, where);
    return detail::reference_access::make<user_page_ref<Domain, Narrow>>(
        detail::another_pin<Domain>(word, detail::kind_of(Narrow), where));
}

/// Pins a page that the CPU already holds. Terminates if the page's pool was made with a narrower access, or
/// if the access is to write and the page has several names in address spaces, or was found by one that has
/// been given a copy since while others have the page still. Waits for nothing: a page that is being written
/// back is pinned at once (see write_back). Not on an empty reference.
template <dma_access Access = dma_access::read_write, class Domain>
[[nodiscard("the new pin must be put")]] user_page_ref<Domain, Access>
get_user_page(const page_ref<Domain>& ref GUP_NEEDS_UNCONSUMED,
              detail::origin_of<Domain> where = {}) noexcept {
    const std::uintptr_t word = detail::held(ref, where);
    if (!narrows_to(detail::access_of(word), Access))
        detail::rule_broken(
            "get_user_page(page_ref) asked for more access than the page's pool was made with");
    const std::uintptr_t pinned = detail::another_pin<Domain>(word, detail::kind_of(Access), where);
    if constexpr (cpu_may_write(Access)) {
        if (detail::page_access::names(detail::page_of(word)) > 1)
            detail::rule_broken("get_user_page(page_ref) asked to write to a page that has several names: "
                                "find_get_user_page(space, index) gives the name a copy of its own first");
        if (detail::left_to_others(word))
            detail::rule_broken("get_user_page(page_ref) asked to write to a page whose name has been given "
                                "a copy and that others have still: find_get_user_page(space, index) pins "
                                "what the name stands for now");
    }
    return detail::reference_access::make<user_page_ref<Domain, Access>>(pinned);
}

/// Gives a pin back, saying whether the page was written through it. The dirty flag is set before the count
/// drops. Not on an empty reference.
template <class Domain, dma_access Access>
    requires(cpu_may_write(Access))
void put_user_page(user_page_ref<Domain, Access>&& ref GUP_NEEDS_UNCONSUMED GUP_LEAVES_CONSUMED,
                   put_as decision, detail::origin_of<Domain> where = {}) noexcept {
    const std::uintptr_t word = detail::reference_access::release(ref);
    detail::prepare_put<Domain>(word, detail::kind_of(Access), where);
    detail::put_reference<Domain>(word, detail::kind_of(Access), decision == put_as::dirty);
}

/// Gives back a pin through which nothing was written.
template <class Domain>
void put_user_page(user_page_ref<Domain, dma_access::read>&& ref GUP_NEEDS_UNCONSUMED GUP_LEAVES_CONSUMED,
                   detail::origin_of<Domain> where = {}) noexcept {
    const std::uintptr_t word = detail::reference_access::release(ref);
    detail::prepare_put<Domain>(word, detail::reference_kind::reader, where);
    detail::put_reference<Domain>(word, detail::reference_kind::reader);
}

// Wrong spellings, each with the right one.

template <class Domain, dma_access Access>
    requires(cpu_may_write(Access))
void put_user_page(user_page_ref<Domain, Access>&&) noexcept {
    static_assert(detail::never<Domain>, "a put of a writable page must say whether it was written: write "
                                         "put_user_page(std::move(ref), gup::dirty) or gup::clean");
}
template <class Domain>
void put_user_page(user_page_ref<Domain, dma_access::read>&&, put_as) noexcept {
    static_assert(detail::never<Domain>,
                  "nothing is written through a read reference, so its put takes no decision: "
                  "write put_user_page(std::move(ref))");
}
template <class Domain, dma_access Access, class Decision, class... More>
    requires(cpu_may_write(Access) && (sizeof...(More) > 0 || !std::convertible_to<Decision, put_as>))
void put_user_page(user_page_ref<Domain, Access>&&, Decision&&, More&&...) noexcept {
    static_assert(detail::never<Domain>, "the decision of a put is one word: write "
                                         "put_user_page(std::move(ref), gup::dirty) or gup::clean");
}
template <class Domain, dma_access Access, class... Decision>
void put_user_page(const user_page_ref<Domain, Access>&, Decision&&...) noexcept {
    static_assert(detail::never<Domain>,
                  "a const reference is only lent: whoever owns it puts it, as with_user_page does with "
                  "what its function returns");
}
template <class Domain, dma_access Access, class... Decision>
void put_user_page(user_page_ref<Domain, Access>&, Decision&&...) noexcept {
    static_assert(detail::never<Domain>,
                  "put_user_page takes the reference over: write put_user_page(std::move(ref), ...)");
}
template <dma_access Narrow = dma_access::read_write, class Domain, dma_access Access>
user_page_ref<Domain, Access> get_user_page(const user_page_ref<Domain, Access>&) GUP_REFUSED(
    "get_user_page pins a page of a pool or of a page_ref: a second pin of the same page comes from "
    "ref_user_page(ref)");
template <class Domain, dma_access Access>
page_ref<Domain> get_page(const user_page_ref<Domain, Access>&) GUP_REFUSED(
    "get_page is for ordinary references: a second pin comes from ref_user_page(ref), an ordinary "
    "reference from find_get_page");
template <class Domain, dma_access Access, class... Decision>
void put_page(user_page_ref<Domain, Access>&&, Decision&&...) noexcept {
    static_assert(detail::never<Domain>,
                  "put_page is for ordinary references: a pinned page came from get_user_page "
                  "and goes with put_user_page");
}
template <class Domain, dma_access Access, class... Decision>
void put_page(const user_page_ref<Domain, Access>&, Decision&&...) noexcept {
    static_assert(detail::never<Domain>,
                  "put_page is for ordinary references: a pinned page came from get_user_page "
                  "and goes with put_user_page(std::move(ref), ...)");
}

static_assert(sizeof(user_page_ref<void>) == 8);

} // namespace gup::inline GUP_NAMESPACE
