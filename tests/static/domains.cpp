// SPDX-License-Identifier: BSL-1.0
// What is a domain and what is not.
#include "gup/domain/mlock.hpp"
#include "gup/local.hpp"
#include "gup/pin_domain.hpp"

#include <memory>
#include <optional>
#include <span>

namespace {

using bytes = std::span<const std::byte>;

struct handle {
    handle() = default;
    handle(handle&&) noexcept = default;
    handle& operator=(handle&&) noexcept = default;
    void release(std::unique_ptr<gup::pinned_memory>) noexcept;
    std::size_t bytes() const noexcept;
};
struct domain {
    using kernel = gup::system_kernel;
    using registration = handle;
    registration pin(bytes, gup::dma_access);
    std::optional<registration> try_pin(bytes, gup::dma_access, gup::pin_failure&);
    [[maybe_unused]] friend bool operator==(const domain&, const domain&) = default;
};
static_assert(gup::pin_domain<domain>);
static_assert(gup::pin_domain<gup::local<domain>>);
static_assert(gup::pin_domain<gup::mlock_domain> && gup::pin_domain<gup::local<gup::mlock_domain>>);

// each lacks one thing
struct copyable_handle : handle {
    copyable_handle() = default;
    copyable_handle(const copyable_handle&);
    copyable_handle& operator=(const copyable_handle&);
};
struct copyable_registration : domain {
    using registration = copyable_handle;
    registration pin(bytes, gup::dma_access);
    std::optional<registration> try_pin(bytes, gup::dma_access, gup::pin_failure&);
};
static_assert(!gup::pin_domain<copyable_registration>);

struct throwing_handle : handle {
    void release(std::unique_ptr<gup::pinned_memory>);
};
struct throwing_release : domain {
    using registration = throwing_handle;
    registration pin(bytes, gup::dma_access);
    std::optional<registration> try_pin(bytes, gup::dma_access, gup::pin_failure&);
};
static_assert(!gup::pin_domain<throwing_release>);

struct without_twin : domain {
    void try_pin(bytes, gup::dma_access, gup::pin_failure&);
};
static_assert(!gup::pin_domain<without_twin>);

struct other_result : domain {
    int pin(bytes, gup::dma_access);
};
static_assert(!gup::pin_domain<other_result>);

struct without_kernel {
    using registration = handle;
    registration pin(bytes, gup::dma_access);
    std::optional<registration> try_pin(bytes, gup::dma_access, gup::pin_failure&);
};
static_assert(!gup::pin_domain<without_kernel>);

struct move_only : domain {
    move_only(move_only&&) = default;
};
static_assert(!gup::pin_domain<move_only>, "a domain is a counted handle");

struct throwing_copy : domain {
    throwing_copy(const throwing_copy&) noexcept(false);
};
static_assert(!gup::pin_domain<throwing_copy>);

struct incomparable {
    using kernel = gup::system_kernel;
    using registration = handle;
    registration pin(bytes, gup::dma_access);
    std::optional<registration> try_pin(bytes, gup::dma_access, gup::pin_failure&);
};
static_assert(!gup::pin_domain<incomparable>, "two pins of the same memory must tell if they are one");

struct final_domain final : domain {};
static_assert(!gup::pin_domain<final_domain>, "local<> and domains<> derive");

struct other_unpinned : domain {
    int unpinned();
};
static_assert(!gup::pin_domain<other_unpinned>);
struct with_unpinned : domain {
    registration unpinned();
};
static_assert(gup::pin_domain<with_unpinned>);
static_assert(!gup::pin_domain<int> && !gup::pin_domain<void>);

} // namespace
