// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `in_flight`: a reference that a device holds. It cannot be put, read or dropped until the operation's
/// final completion gives the reference back. Its type says in which domain the device is.

#include "gup/user_page_ref.hpp"

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

struct in_flight_access;

/// The place of a domain that has just one.
template <class Domain>
struct only_place {
    using type = struct unknown_place; // the domain was not written as a place, or is not known here
};
template <class Domain>
    requires requires { typename Domain::place; }
struct only_place<Domain> {
    using type = typename Domain::place;
};
template <class Domain>
    requires(
        requires { typename Domain::places; } && !requires { typename Domain::place; })
struct only_place<Domain> {
    using type = void; // there are several
};

} // namespace detail

/// The reference that an operation owns while a device may still reach its page, for programs that choose
/// their own user_data. `Place` is that of the device's domain, as in io_uring_domain<>::place; only a page
/// of domains<...> needs it named. Move-only. Destroying one that has not completed never unpins: it reports
/// through on_release_failure and leaks the pin, because the device may still write.
template <class Ref, class Place = typename detail::only_place<typename Ref::domain_type>::type>
class [[nodiscard("an operation in flight owns a page: keep the token until its completion"),
        GUP_CONSUMABLE]] in_flight {
public:
    using reference_type = Ref;
    using domain_type = typename Ref::domain_type;
    static_assert(!std::is_void_v<Place>,
                  "which domain's device has the page? Of a page in several domains name "
                  "its place, as in in_flight<Ref, vfio_domain<>::place>");

    /// Owns nothing.
    GUP_LEAVES_CONSUMED in_flight() noexcept = default;
    in_flight(in_flight &&) noexcept = default;
    /// Reports and leaks the pin held before, as the destructor does.
    in_flight& operator=(in_flight&& other) noexcept {
        const std::uintptr_t taken = other.word_.release();
        abandon();
        word_.set(taken);
        user_data_ = other.user_data_;
        on_completion_ = other.on_completion_;
        kind_ = other.kind_;
        return *this;
    }
    GUP_NOT_COPIED(in_flight,
                   "a token is not copied, as its operation has one page and one completion: hand it "
                   "on with std::move(token), of one that is not const");
    GUP_CALLABLE_UNLESS_UNCONSUMED ~in_flight() { abandon(); }

    /// True until the reference has been given back or moved on.
    GUP_TESTS_UNCONSUMED explicit operator bool() const noexcept { return static_cast<bool>(word_); }
    /// The user_data that the operation was prepared with.
    std::uint64_t user_data() const noexcept { return user_data_; }

    template <class Early = void>
    std::span<typename Ref::byte_type> bytes() const GUP_REFUSED(
        "a device may be writing to this page: complete the operation first, it gives the reference "
        "back");

private:
    friend struct detail::in_flight_access;
    friend struct detail::reference_access;
    in_flight(detail::reference_word word, std::uint64_t user_data, put_as on_completion,
              std::uint8_t kind) noexcept
        : word_(std::move(word)), user_data_(user_data), on_completion_(on_completion), kind_(kind) {}

    GUP_SETS_CONSUMED std::uintptr_t release() noexcept { return word_.release(); }
    void abandon() noexcept {
        if (!word_) return;
        report_release_failure(
            {"dropping an in_flight before its completion", {}, detail::memory_of(word_.release())});
    }

    detail::reference_word word_;
    std::uint64_t user_data_ = 0;
    put_as on_completion_ = put_as::clean; // dirty if the device may write
    std::uint8_t kind_ = 0;                // of operation, for the place alone
};

template <class Ref, class Place>
Ref ref_user_page(const in_flight<Ref, Place>&) GUP_REFUSED(
    "a device holds this reference: take the second pin, ref_user_page(ref), before the operation is "
    "prepared");
template <class Ref, class Place, class... Decision>
void put_user_page(in_flight<Ref, Place>&&, Decision&&...) noexcept {
    static_assert(detail::never<Ref>,
                  "a device may still reach this page: complete the operation first, it gives "
                  "back the reference to put");
}
template <class Ref, class Place, class... Decision>
void put_user_page(const in_flight<Ref, Place>&, Decision&&...) noexcept {
    static_assert(detail::never<Ref>,
                  "a device may still reach this page: complete the operation first, it gives "
                  "back the reference to put");
}

namespace detail {

/// The operations' own way into a token.
struct in_flight_access {
    template <class Place, class Ref>
    static in_flight<Ref, Place> make(Ref&& ref, std::uint64_t user_data, put_as on_completion,
                                      std::uint8_t kind = 0) noexcept {
        return {reference_word(reference_access::release(ref)), user_data, on_completion, kind};
    }
    /// What a refused operation returns; says of itself, to -Wconsumed, what every token says.
    template <class Place, class Ref>
    static in_flight<Ref, Place> empty() noexcept {
        return {reference_word(), 0, put_as::clean, 0};
    }
    template <class Ref, class Place>
    static Ref give_back(in_flight<Ref, Place>& token GUP_LEAVES_CONSUMED) noexcept {
        return reference_access::make<Ref>(token.release());
    }
    template <class Ref, class Place>
    static put_as on_completion(const in_flight<Ref, Place>& token) noexcept {
        return token.on_completion_;
    }
    template <class Ref, class Place>
    static std::uint8_t kind(const in_flight<Ref, Place>& token) noexcept {
        return token.kind_;
    }
};

} // namespace detail
} // namespace gup::inline GUP_NAMESPACE
