// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a domain is: one place that memory can be pinned in, such as this process's locked memory or the
/// buffer table of an io_uring. A domain is a cheap counted handle: copies share the state.

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
#include <utility>

namespace gup {

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
    std::default_initializable<Registration> &&
    requires(Registration& registration, std::unique_ptr<pinned_memory> memory) {
        { registration.release(std::move(memory)) } noexcept;
        { std::as_const(registration).bytes() } noexcept -> std::same_as<std::size_t>;
    };

} // namespace detail

/// One place that memory can be pinned in.
///
/// * `registration` is the move-only result of pinning a range; its destructor undoes the pin.
///   Default-constructed it pins nothing. `release(memory)` undoes the pin now and then destroys `memory`
///   (which may be null); if the kernel refuses, it reports through `on_release_failure` and leaks `memory`
///   instead; if only another thread may release, it keeps `memory` until that thread calls the domain.
///   `bytes()` is what is really pinned.
/// * `kernel` is the kernel policy that every system call goes through.
/// * `pin` is all or nothing and throws `pin_error`; `try_pin` is the twin that fills a `pin_failure`
///   instead.
template <class Domain>
concept pin_domain =
    std::copy_constructible<Domain> && detail::pin_registration<typename Domain::registration> &&
    requires(Domain& domain, std::span<const std::byte> range, dma_access access, pin_failure& failure) {
        typename Domain::kernel;
        { domain.pin(range, access) } -> std::same_as<typename Domain::registration>;
        { domain.try_pin(range, access, failure) } -> std::same_as<std::optional<typename Domain::registration>>;
    };
// clang-format on

namespace detail {

/// What every pin looks at before it changes anything; false, with `failure` filled, for a range that is
/// none.
inline bool check_range(std::span<const std::byte> range, const char* call, pin_failure& failure) {
    const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
    if (range.data() == nullptr)
        return refuse(failure, EINVAL, call, "the range is null: pass memory that is mapped");
    if (range.empty()) return refuse(failure, EINVAL, call, "the range is empty: pin at least one byte");
    if (begin + (range.size() - 1) < begin)
        return refuse(failure, EINVAL, call,
                      "the range wraps around the end of the address space: check its length");
    return true;
}

/// The memory of a device is of another kind: most domains cannot pin it, and one that can says
/// `static constexpr bool pins_device_memory = true`.
template <class Domain>
inline constexpr bool pins_device_memory = requires {
    requires Domain::pins_device_memory;
};

/// Ordinary memory of a pool can stand in for pinned memory, unless the domain says
/// `static constexpr bool usable_unpinned = false`.
template <class Domain>
inline constexpr bool usable_unpinned = !requires {
    requires !Domain::usable_unpinned;
};

} // namespace detail
} // namespace gup
