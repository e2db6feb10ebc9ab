// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a domain is: one place that memory can be pinned in, such as this process's locked memory or the
/// buffer table of an io_uring. A domain is a cheap counted handle: copies share the state. To write one, see
/// pin_place.hpp.

#include "gup/dma_access.hpp"
#include "gup/error.hpp"
#include "gup/kernel.hpp"

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// Memory that goes away when this object does. A pool hands it to its registration on release, because only
/// the registration knows when, and whether ever, no device can reach the memory any more.
class pinned_memory {
public:
    pinned_memory() = default;
    pinned_memory(const pinned_memory&) = delete;
    pinned_memory& operator=(const pinned_memory&) = delete;
    virtual ~pinned_memory() = default;
};

// Version 14 of clang-format cannot lay out concepts.
// clang-format off
namespace detail {

template <class Registration>
concept pin_registration =
    std::movable<Registration> && !std::copy_constructible<Registration> &&
    std::default_initializable<Registration> && std::is_nothrow_move_constructible_v<Registration> &&
    !std::is_final_v<Registration> &&
    requires(Registration& registration, std::unique_ptr<pinned_memory> memory) {
        { registration.release(std::move(memory)) } noexcept;
        { std::as_const(registration).bytes() } noexcept -> std::same_as<std::size_t>;
    };

/// A domain whose memory may go without a pin says so with `unpinned()`, if that needs a registration.
template <class Domain>
concept says_how_unpinned =
    !requires(Domain& domain) { domain.unpinned(); } ||
    requires(Domain& domain) { { domain.unpinned() } -> std::same_as<typename Domain::registration>; };

} // namespace detail

/// One place that memory can be pinned in: what pools, the caller's memory, domains<>, local<> and address
/// spaces ask of it.
///
/// * `registration` is the move-only result of pinning a range; its destructor undoes the pin.
///   Default-constructed it pins nothing. `release(memory)` undoes the pin now and then destroys `memory`
///   (which may be null); if the kernel refuses, it reports through `on_release_failure` and leaks `memory`
///   instead; if only another thread may release, it keeps `memory` until that thread calls the domain.
///   `bytes()` is what is really pinned.
/// * `kernel` is the kernel policy that every system call goes through: system_kernel, or derived from it.
/// * `pin` is all or nothing and throws `pin_error`; `try_pin` is the twin that fills a `pin_failure`
///   instead. What it cannot undo again it reports, and says so with `pin_failure::kept`. They and `release`
///   are called from any thread, several at a time, or with `local<>` by its thread alone.
/// * A handle is copied and moved without throwing, and equal to another if a pin in one is a pin in the
///   other. It can be derived from.
///
/// A domain may also have:
///
/// * `static constexpr bool usable_unpinned = false`: ordinary memory cannot stand in for pinned memory, so that
///   no pool falls back to it. Otherwise `registration unpinned()`, if there is one, is what such a pool keeps.
/// * `static constexpr bool pins_device_memory = true`: it can pin the memory of devices.
/// * in its registration, `slots()` and `in_flight()`, which the statistics of a pool then show.
template <class Domain>
concept pin_domain =
    std::copy_constructible<Domain> && std::is_nothrow_copy_constructible_v<Domain> &&
    std::derived_from<typename Domain::kernel, system_kernel> &&
    std::equality_comparable<Domain> && !std::is_final_v<Domain> &&
    detail::pin_registration<typename Domain::registration> && detail::says_how_unpinned<Domain> &&
    requires(Domain& domain, std::span<const std::byte> range, dma_access access, pin_failure& failure) {
        { domain.pin(range, access) } -> std::same_as<typename Domain::registration>;
        { domain.try_pin(range, access, failure) } -> std::same_as<std::optional<typename Domain::registration>>;
    };
// clang-format on

namespace detail {

/// What every pin looks at before it changes anything; false, with `failure` filled, for a range that is
/// none.
inline bool check_range(std::span<const std::byte> range, const char* call, pin_failure& failure) {
    constexpr std::uintptr_t end = UINTPTR_MAX - 0xFFFF; // whole pages of any size end before it
    const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
    if (range.data() == nullptr || range.empty())
        return refuse(failure, EINVAL, call,
                      "the range is null or empty: pin at least one byte of mapped memory");
    if (begin > end || range.size() > end - begin)
        return refuse(
            failure, EINVAL, call,
            "the range goes beyond the end of the address space, or wraps around it: check its length");
    return true;
}

/// The places (see pin_place.hpp) that memory of a domain is pinned in; none if it was not written as a
/// place.
template <class... Places>
struct place_list {};
template <class Domain>
struct places_of {
    using type = place_list<>;
};
template <class Domain>
    requires requires { typename Domain::places; }
struct places_of<Domain> {
    using type = typename Domain::places;
};

/// The library's own way into a handle that it keeps.
struct handle_access {
    /// From now on the handle counts as a pin and not as one of the program's, by which it can complete what
    /// is in flight: whoever keeps one for as long as a page is out must not keep that up.
    template <class Domain>
    static void count_as_pin(Domain& handle) noexcept {
        count_as_pin(handle, typename places_of<Domain>::type{});
    }

private:
    template <class Domain, class... Places>
    static void count_as_pin([[maybe_unused]] Domain& handle, place_list<Places...>) noexcept {
        (static_cast<Places&>(handle).count_as_pin(), ...);
    }
};

template <class Domain>
inline constexpr bool pins_device_memory = requires {
    requires Domain::pins_device_memory;
};
template <class Domain>
inline constexpr bool usable_unpinned = !requires {
    requires !Domain::usable_unpinned;
};

} // namespace detail
} // namespace gup::inline GUP_NAMESPACE
