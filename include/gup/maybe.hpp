// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `maybe<Ref>`: a reference, or nothing. What verbs return that may find no page (try_get_user_page,
/// try_complete, find_get_page and others): look whether there is one before it is used.
///
/// Not a std::optional, because that has two ways of having no page: nothing, in which its bytes are whatever
/// lay there before, so that `*` on it gives a reference to somebody's page; and a reference that was moved
/// out, of which it still says that it is there. Here both are the empty reference.

#include "gup/page_flags.hpp"

#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// A reference, or nothing: 8 bytes, the reference itself, which is empty then. Move-only. Dropping it drops
/// the reference. `if (page)`, then `page->bytes()` and `put_user_page(*std::move(page), ...)`, after which
/// there is nothing any more.
///
/// `*` and `->` are for a maybe that has a reference. On nothing they end the program, with a sentence, if
/// the caller was built without NDEBUG or the domain is a tracked one; else they give the empty reference,
/// which is nobody's page. One handle is used by one thread at a time.
template <page_reference Ref>
class [[nodiscard("a page in a maybe that is thrown away is put at once")]] maybe {
public:
    using reference_type = Ref;
    using domain_type = typename Ref::domain_type;

    /// Nothing.
    maybe() noexcept = default;
    /// The reference; nothing if that is empty.
    maybe(Ref && ref) noexcept : ref_(std::move(ref)) {}
    /// Drops the reference held before.
    maybe& operator=(Ref&& ref) noexcept {
        ref_ = std::move(ref);
        return *this;
    }
    maybe(maybe &&) noexcept = default;
    maybe& operator=(maybe&&) noexcept = default;
    GUP_NOT_COPIED(maybe,
                   "a maybe is not copied, as the reference in it: to hand it on write std::move(page), "
                   "of one that is not const, and a second pin is explicit, ref_user_page(*page)");

    /// True if there is a reference.
    explicit operator bool() const noexcept { return static_cast<bool>(ref_); }
    bool has_value() const noexcept { return static_cast<bool>(ref_); }

    /// The reference; `*std::move(page)` to hand it on.
    template <bool Checks =
                  detail::unit_checks> // an operator has no default arguments for its caller's answer
    Ref& operator*()& noexcept GUP_LIFETIMEBOUND {
        look<Checks>();
        return ref_;
    }
    template <bool Checks = detail::unit_checks>
    const Ref& operator*() const& noexcept GUP_LIFETIMEBOUND {
        look<Checks>();
        return ref_;
    }
    template <bool Checks = detail::unit_checks>
    Ref&& operator*()&& noexcept GUP_LIFETIMEBOUND {
        look<Checks>();
        return std::move(ref_);
    }
    template <bool Checks = detail::unit_checks>
    Ref* operator->()& noexcept GUP_LIFETIMEBOUND {
        look<Checks>();
        return &ref_;
    }
    template <bool Checks = detail::unit_checks>
    const Ref* operator->() const& noexcept GUP_LIFETIMEBOUND {
        look<Checks>();
        return &ref_;
    }

    /// The reference; ends the program, with a sentence, if there is none, however it was built.
    Ref& value()& noexcept GUP_LIFETIMEBOUND { return operator*<true>(); }
    const Ref& value() const& noexcept GUP_LIFETIMEBOUND { return operator*<true>(); }
    Ref&& value()&& noexcept GUP_LIFETIMEBOUND { return std::move(*this).template operator*<true>(); }

    /// Drops the reference, if there is one.
    void reset() noexcept { ref_ = Ref(); }

    // Wrong spellings, each with the right one.

    template <bool = detail::unit_checks>
    const Ref* operator->()
        const&& GUP_REFUSED("a page in a temporary is put at once, and a view of it dangles: "
                            "name the maybe, look first, `if (page)`, and keep it while the "
                            "view is used");
    template <std::same_as<Ref> Wanted>
    operator Wanted()
        const GUP_REFUSED("a maybe is no reference, there may be no page in it: look first, `if "
                          "(page)`, and take it out, *std::move(page)");
    template <class Nothing>
        requires(std::same_as<Nothing, std::nullptr_t> || std::same_as<Nothing, std::nullopt_t>)
    bool operator==(Nothing)
        const GUP_REFUSED("a maybe is asked by itself whether it has a page: `if (page)`");
    Ref value_or(detail::anything) const GUP_REFUSED(
        "there is no reference to put in place of one: look first, `if (page)`, and take it out, "
        "*std::move(page)");

private:
    template <bool Checks>
    void look() const noexcept {
        if constexpr (Checks || detail::tracking<domain_type>::enabled)
            if (!ref_) [[unlikely]]
                nothing_there();
    }
    [[noreturn, gnu::cold, gnu::noinline]] static void nothing_there() noexcept {
        detail::rule_broken(
            "a gup::maybe without a reference was used: no page was got, or it has been moved "
            "out; look first, with `if (page)`");
    }

    Ref ref_;
};

static_assert(sizeof(maybe<page_ref<void>>) == 8);

namespace detail {

/// As the constructor, of which -Wconsumed does not see that it takes a temporary over.
template <page_reference Ref>
maybe<Ref> to_maybe(Ref&& ref) noexcept {
    return maybe<Ref>(std::move(ref));
}

} // namespace detail

} // namespace gup::inline GUP_NAMESPACE
