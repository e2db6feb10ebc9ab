// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `linear<Ref>`: a reference of which the compiler proves, when it optimises, that every path puts it
/// exactly once, exceptions included. For functions in which a forgotten put must not compile.
///
/// The proof is the optimiser's: where it sees that a linear reference may still hold a page at its end, or
/// may hold none when it is put, used or moved, the call of a function with the attribute `error` is left
/// over, and that is an error. It works from -O1 on with g++ and clang, for what is inlined into one
/// function: one that takes or returns a linear reference needs `[[gnu::always_inline]]` unless it is small
/// or called once, and a coroutine that suspends with one is no single function to the optimiser. A reference
/// that goes into a container, into a coroutine, or by value into a function of another file, is handed on
/// with `relax()`, as an ordinary one. g++ names the line of the program; clang names only this header.
///
/// Where nothing is proven, the same mistakes end the program at run time: without optimisation and under
/// sanitizers, which is seen here, and where GUP_LINEAR_AT_RUN_TIME is defined: g++ needs that for -Og and
/// for -fsanitize=undefined alone, with which it proves too little. The choice changes no function of this
/// header and no layout, only whether the two functions that must never be called exist: translation units of
/// both kinds mix.

#include "gup/user_page_ref.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#if !defined(GUP_LINEAR_AT_RUN_TIME) && !defined(__OPTIMIZE__)
#define GUP_LINEAR_AT_RUN_TIME
#endif
#if !defined(GUP_LINEAR_AT_RUN_TIME) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define GUP_LINEAR_AT_RUN_TIME
#endif
#if !defined(GUP_LINEAR_AT_RUN_TIME) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                                   \
    __has_feature(memory_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define GUP_LINEAR_AT_RUN_TIME
#endif
#endif

namespace gup::inline GUP_NAMESPACE {

namespace detail {

// Templates, so that a translation unit which defines them and one which only declares them agree.
#ifdef GUP_LINEAR_AT_RUN_TIME
template <class = void>
[[noreturn]] void linear_without_put() noexcept {
    rule_broken(
        "a gup::linear reference ended without a put: put it on every path, exceptions included, or hand "
        "it on with relax()");
}
template <class = void>
[[noreturn]] void linear_put_before() noexcept {
    rule_broken("a gup::linear reference was used after it had been put, moved or handed on");
}
#else
template <class = void>
[[noreturn,
  gnu::error("a gup::linear reference may end without a put here, or was not inlined: put it on every path, "
             "exceptions included, or hand it on with relax(); a function that takes or returns one is "
             "always_inline, and none is kept across a suspension of a coroutine")]] void
linear_without_put() noexcept;
template <class = void>
[[noreturn,
  gnu::error("a gup::linear reference may have been put, moved or handed on before, or was not inlined: use "
             "it only while it holds a page; a function that takes or returns one is always_inline, and none "
             "is kept across a suspension of a coroutine")]] void
linear_put_before() noexcept;
#endif

struct linear_access;

} // namespace detail

/// A pinned reference whose put the compiler proves. 8 bytes, moves and cannot be assigned: what it held
/// before would have to be put first. Everything else as `Ref`, a user_page_ref.
template <class Ref>
class [[nodiscard("a linear reference that is thrown away has no put")]] linear {
public:
    using reference_type = Ref;
    using byte_type = typename Ref::byte_type;

    /// Takes an ordinary reference over. An empty one ends the program.
    [[gnu::always_inline]] explicit linear(detail::handed_over<Ref> ref) noexcept : word_(ref.word) {
        if (word_ == 0) detail::rule_broken("gup::linear was made of an empty reference");
    }
    [[gnu::always_inline]] linear(linear && other) noexcept : word_(other.take()) {}
    linear& operator=(linear&&) GUP_REFUSED(
        "a linear reference is not assigned: what it holds would have to be put first. Give the new "
        "one a name of its own");
    GUP_NOT_COPIED(linear,
                   "a linear reference is not copied: a second pin is explicit, ref_user_page(ref), and to "
                   "hand this one on write std::move(ref), of one that is not const");
    template <class Other>
        requires(!std::same_as<Other, Ref> && !std::same_as<std::remove_cvref_t<Other>, linear>)
    explicit linear(Other &&) GUP_REFUSED(
        "a linear reference is made of one that is pinned and moved, and not const: write "
        "gup::linear(std::move(ref)) or gup::linear(gup::get_user_page(pool)). Of a pointer, optional "
        "or maybe pass what it holds, std::move(*ref)");
    [[gnu::always_inline]] ~linear() {
        if (word_ != 0) detail::linear_without_put();
    }

    /// The page's memory. The view must not outlive the reference.
    [[gnu::always_inline]] std::span<byte_type> bytes() const& noexcept GUP_LIFETIMEBOUND {
        return detail::memory_of(held());
    }
    template <class Temporary = void>
    std::span<byte_type> bytes() const&& noexcept {
        static_assert(detail::never<Temporary>,
                      "bytes() of a temporary linear would dangle at once: name the "
                      "reference and keep it while the view is used");
        return {};
    }
    /// Bytes of the page.
    [[gnu::always_inline]] std::size_t size() const noexcept { return detail::memory_of(held()).size(); }

    /// Hands the pin on as an ordinary reference.
    [[nodiscard("the page must be put"), gnu::always_inline]] Ref relax()&& noexcept {
        return detail::reference_access::make<Ref>(take());
    }
    template <class Early = void>
    Ref relax()& noexcept {
        static_assert(detail::never<Early>, "relax() hands the reference on: write std::move(ref).relax()");
        return {};
    }

private:
    friend struct detail::linear_access;
    [[gnu::always_inline]] explicit linear(std::uintptr_t word) noexcept : word_(word) {}
    [[gnu::always_inline]] std::uintptr_t held() const noexcept {
        const std::uintptr_t word = word_;
        if (word == 0) detail::linear_put_before();
        return word;
    }
    [[gnu::always_inline]] std::uintptr_t take() noexcept {
        const std::uintptr_t word = held();
        word_ = 0;
        return word;
    }

    std::uintptr_t word_;
};

template <class Domain, dma_access Access>
linear(user_page_ref<Domain, Access>&&) -> linear<user_page_ref<Domain, Access>>;
linear(detail::anything)->linear<user_page_ref<void>>; // which says how it is made

namespace detail {

/// The verbs' own way into a linear reference.
struct linear_access {
    /// Of a word that a verb made, for the proof where the verb is not inlined: never that of an empty one.
    template <class Ref>
    [[gnu::always_inline]] static linear<Ref> make(std::uintptr_t word) noexcept {
        if (word == 0) __builtin_unreachable();
        return linear<Ref>(word);
    }
    template <class Ref>
    [[gnu::always_inline]] static std::uintptr_t held(const linear<Ref>& ref) noexcept {
        return ref.held();
    }
    template <class Ref>
    [[gnu::always_inline]] static std::uintptr_t take(linear<Ref>& ref) noexcept {
        return ref.take();
    }
};

} // namespace detail

/// A second pin of the same page, linear itself, with the same access or a narrower one.
template <class Domain, dma_access Access>
[[nodiscard("the new pin must be put"), gnu::always_inline]] inline linear<user_page_ref<Domain, Access>>
ref_user_page(const linear<user_page_ref<Domain, Access>>& ref,
              detail::origin_of<Domain> where = {}) noexcept {
    return detail::linear_access::make<user_page_ref<Domain, Access>>(
        detail::another_reference<Domain>(detail::linear_access::held(ref), detail::kind_of(Access), where));
}
template <dma_access Narrow, class Domain, dma_access Access>
[[nodiscard("the new pin must be put"), gnu::always_inline]] inline linear<user_page_ref<Domain, Narrow>>
ref_user_page(const linear<user_page_ref<Domain, Access>>& ref,
              detail::origin_of<Domain> where = {}) noexcept {
    static_assert(narrows_to(Access, Narrow),
                  "access narrows and never widens: a reference that may not write cannot "
                  "give one that may; get the page with the wider access instead");
    const std::uintptr_t word = detail::linear_access::held(ref);
    return detail::linear_access::make<user_page_ref<Domain, Narrow>>(
        detail::another_pin<Domain>(word, detail::kind_of(Narrow), where));
}

/// Gives the pin back, as for the ordinary reference.
template <class Domain, dma_access Access>
    requires(cpu_may_write(Access))
[[gnu::always_inline]] inline void put_user_page(linear<user_page_ref<Domain, Access>>&& ref, put_as decision,
                                                 detail::origin_of<Domain> where = {}) noexcept {
    const std::uintptr_t word = detail::linear_access::take(ref);
    detail::prepare_put<Domain>(word, detail::kind_of(Access), where);
    detail::put_reference<Domain>(word, detail::kind_of(Access), decision == put_as::dirty);
}
template <class Domain>
[[gnu::always_inline]] inline void put_user_page(linear<user_page_ref<Domain, dma_access::read>>&& ref,
                                                 detail::origin_of<Domain> where = {}) noexcept {
    const std::uintptr_t word = detail::linear_access::take(ref);
    detail::prepare_put<Domain>(word, detail::reference_kind::reader, where);
    detail::put_reference<Domain>(word, detail::reference_kind::reader);
}

// Wrong spellings, each with the right one.

template <class Domain, dma_access Access>
    requires(cpu_may_write(Access))
void put_user_page(linear<user_page_ref<Domain, Access>>&&) noexcept {
    static_assert(detail::never<Domain>, "a put of a writable page must say whether it was written: write "
                                         "put_user_page(std::move(ref), gup::dirty) or gup::clean");
}
template <class Domain>
void put_user_page(linear<user_page_ref<Domain, dma_access::read>>&&, put_as) noexcept {
    static_assert(detail::never<Domain>,
                  "nothing is written through a read reference, so its put takes no decision: "
                  "write put_user_page(std::move(ref))");
}
template <class Domain, dma_access Access, class Decision, class... More>
    requires(cpu_may_write(Access) && (sizeof...(More) > 0 || !std::convertible_to<Decision, put_as>))
void put_user_page(linear<user_page_ref<Domain, Access>>&&, Decision&&, More&&...) noexcept {
    static_assert(detail::never<Domain>, "the decision of a put is one word: write "
                                         "put_user_page(std::move(ref), gup::dirty) or gup::clean");
}
template <class Ref, class... Decision>
void put_user_page(const linear<Ref>&, Decision&&...) noexcept {
    static_assert(detail::never<Ref>, "a const reference is only lent: whoever owns it puts it");
}
template <class Ref, class... Decision>
void put_user_page(linear<Ref>&, Decision&&...) noexcept {
    static_assert(detail::never<Ref>,
                  "put_user_page takes the reference over: write put_user_page(std::move(ref), ...)");
}
template <class Ref>
linear<Ref> get_user_page(const linear<Ref>&) GUP_REFUSED(
    "get_user_page pins a page of a pool or of a page_ref: a second pin of the same page comes from "
    "ref_user_page(ref)");
template <class Ref>
page_ref<typename Ref::domain_type> get_page(const linear<Ref>&) GUP_REFUSED(
    "get_page is for ordinary references: a second pin comes from ref_user_page(ref), an ordinary "
    "reference from find_get_page");
template <class Ref, class... Decision>
void put_page(const linear<Ref>&, Decision&&...) noexcept {
    static_assert(detail::never<Ref>, "put_page is for ordinary references: a pinned page came from "
                                      "get_user_page and goes with put_user_page(std::move(ref), ...)");
}

static_assert(sizeof(linear<user_page_ref<void>>) == 8);

} // namespace gup::inline GUP_NAMESPACE
