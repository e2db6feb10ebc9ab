// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `mlock_domain` keeps memory in RAM with mlock: for memory that must not be paged out, when no device needs
/// its address. Locked is not pinned: the kernel may still move a locked page.
///
/// mlock does not nest, one munlock undoes any number of mlocks; the domain counts. Overlapping and nested
/// pins, from any thread and any domain object, keep a page locked until the last of them ends.
///
/// The counts are per process. A forked child inherits no locks and starts with no counts; releasing an
/// inherited registration there unlocks nothing.
///
/// Shared objects share the counts, whichever releases of gup they were built with (see gup/version.hpp), if
/// the dynamic loader gives them one copy of a default-visibility symbol. A library opened with dlopen shares
/// them with an executable that exports its symbols (-rdynamic, CMake's ENABLE_EXPORTS) or links a shared
/// library that uses gup. It may have counts of its own if the executable exports nothing, if it is linked
/// with -Bsymbolic or a version script that hides gup's symbols, and, unless GCC made all of them, among
/// libraries opened with RTLD_LOCAL. Two sets of counts unlock each other's pages.
///
/// Memory that was locked already when it is pinned (mlockall, a bare mlock) is not gup's: it stays locked
/// when the last pin ends. A bare munlock of pinned memory, or unmapping it, is misuse: the release reports
/// ENOMEM for memory that is gone, and new memory at the same address is taken for pinned.

#include "gup/detail/mlock/failure.hpp"
#include "gup/detail/mlock/layout.hpp"
#include "gup/detail/mlock/registry.hpp"
#include "gup/detail/mlock/transaction.hpp"
#include "gup/detail/page_range.hpp"
#include "gup/dma_access.hpp"
#include "gup/error.hpp"
#include "gup/kernel.hpp"
#include "gup/pin_domain.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// When the pages of a pinned range come into memory.
enum class mlock_mode : std::uint8_t {
    populate, ///< all of them before the pin returns
    on_fault  ///< each when it is first touched; from then on it stays
};

/// How a domain pins.
struct mlock_options {
    mlock_mode mode = mlock_mode::populate;

    friend bool operator==(const mlock_options&, const mlock_options&) noexcept = default;
};

template <class Kernel = system_kernel>
class [[gnu::visibility("default")]] basic_mlock_domain;

/// Memory locked into RAM. Stateless but for its options: any number of objects, one set of counts per
/// process (and kernel policy). All functions are thread-safe. Pins and releases that need a system call wait
/// for each other; nested ones wait for no system call.
template <class Kernel>
class basic_mlock_domain {
public:
    using kernel = Kernel;
    class [[nodiscard("dropping a registration unlocks its memory at once")]] registration;

    explicit basic_mlock_domain(mlock_options options = {}) noexcept : options_(options) {}

    /// Locks the pages that `range` touches, all or none; `access` makes no difference to mlock. Where mlock
    /// silently does nothing (hugetlb, device, droppable memory) the pin succeeds, without being claimed in
    /// `bytes()`.
    ///
    /// Throws pin_error: EINVAL for null, empty or wrapping ranges; ENOMEM or EPERM over the budget (VmLck);
    /// ENOMEM for holes, inaccessible memory or too many mappings; EAGAIN if memory runs out. Calls mlock
    /// (mlock2 for on_fault) once for each gap between pins, msync and for large gaps /proc/self/maps to see
    /// what is really locked; no system call if all pages are pinned already.
    registration pin(std::span<const std::byte> range, dma_access access = dma_access::read);

    /// As `pin`, but fills in `failure` and returns nothing instead of throwing; std::bad_alloc becomes
    /// ENOMEM.
    [[nodiscard("dropping a registration unlocks its memory at once")]] std::optional<registration>
    try_pin(std::span<const std::byte> range, dma_access access, pin_failure& failure) noexcept;

    mlock_options options() const noexcept { return options_; }

    /// True if both pin alike: there is one set of counts.
    friend bool operator==(const basic_mlock_domain&, const basic_mlock_domain&) noexcept = default;

private:
    using registry = detail::mlock_registry<Kernel>;

    bool pin_nested(std::span<const std::byte> range, registration& pinned) noexcept;
    [[gnu::cold, gnu::noinline]] registration pin_or_throw(std::span<const std::byte> range);
    [[gnu::cold, gnu::noinline]] std::optional<registration> pin_slowly(std::span<const std::byte> range,
                                                                        pin_failure& failure) noexcept;
    static void fail(const detail::lock_refusal& refusal, pin_failure& failure);

    mlock_options options_;
};

/// See `basic_mlock_domain`.
using mlock_domain = basic_mlock_domain<>;

/// Keeps its pages locked while it lives. Move-only. One object is not thread-safe, different ones are.
template <class Kernel>
class basic_mlock_domain<Kernel>::registration {
public:
    /// Pins nothing.
    registration() noexcept = default;

    registration(registration&& other) noexcept
        : registry_(std::exchange(other.registry_, nullptr)),
          pages_(std::exchange(other.pages_, {})),
          held_(std::exchange(other.held_, 0)) {}

    /// Releases what this one pins first.
    registration& operator=(registration&& other) noexcept {
        if (this == &other) return *this;
        release();
        registry_ = std::exchange(other.registry_, nullptr);
        pages_ = std::exchange(other.pages_, {});
        held_ = std::exchange(other.held_, 0);
        return *this;
    }

    ~registration() { release(); }

    /// Ends the pin, then destroys `memory`. Pages that no other pin holds are unlocked, with one munlock for
    /// each run of them; if that fails, `on_release_failure` hears of it and `memory` is leaked. In a forked
    /// child the pin was never there, only `memory` is destroyed.
    void release(std::unique_ptr<pinned_memory> memory = nullptr) noexcept;

    /// Bytes of `range()` that the kernel really holds locked.
    std::size_t bytes() const noexcept { return held_; }

    /// The pages pinned: whole pages, so it may begin before the memory asked for and end after it.
    std::span<const std::byte> range() const noexcept {
        return {reinterpret_cast<const std::byte*>(pages_.begin), pages_.size()};
    }

private:
    friend class basic_mlock_domain;

    registry* registry_ = nullptr;
    detail::page_range pages_{};
    std::size_t held_ = 0;
};

template <class Kernel>
void basic_mlock_domain<Kernel>::registration::release(std::unique_ptr<pinned_memory> memory) noexcept {
    registry* const counts = std::exchange(registry_, nullptr);
    if (counts != nullptr && counts->belongs_to_this_process()) {
        const int error = counts->release(pages_);
        if (error != 0) {
            report_release_failure({"munlock", detail::errno_code(error), range()});
            static_cast<void>(memory.release());
        }
    }
    pages_ = {};
    held_ = 0;
}

template <class Kernel>
auto basic_mlock_domain<Kernel>::pin(std::span<const std::byte> range, [[maybe_unused]] dma_access access)
    -> registration {
    registration pinned; // the one that is returned: moved, it would cost as much as the counting
    if (!pin_nested(range, pinned)) [[unlikely]]
        pinned = pin_or_throw(range);
    return pinned;
}

template <class Kernel>
auto basic_mlock_domain<Kernel>::try_pin(std::span<const std::byte> range, [[maybe_unused]] dma_access access,
                                         pin_failure& failure) noexcept -> std::optional<registration> {
    std::optional<registration> pinned(std::in_place);
    if (!pin_nested(range, *pinned)) [[unlikely]]
        pinned = pin_slowly(range, failure);
    return pinned;
}

/// Pins what needs no system call.
template <class Kernel>
bool basic_mlock_domain<Kernel>::pin_nested(std::span<const std::byte> range, registration& pinned) noexcept {
    registry* const counts = registry::find();
    if (counts == nullptr) return false;
    const detail::page_range pages = detail::touched_pages(range, counts->page_size());
    if (pages.empty()) return false;
    const std::uintptr_t end =
        counts->count_nested(pages, options_.mode == mlock_mode::on_fault, pinned.held_);
    if (end == pages.begin) return false;
    pinned.registry_ = counts;
    pinned.pages_ = {pages.begin, end};
    if (end == pages.end) [[likely]]
        return true;
    pinned.release();
    return false;
}

template <class Kernel>
auto basic_mlock_domain<Kernel>::pin_or_throw(std::span<const std::byte> range) -> registration {
    pin_failure failure;
    if (auto pinned = pin_slowly(range, failure)) return *std::move(pinned);
    detail::throw_failure(std::move(failure));
}

template <class Kernel>
auto basic_mlock_domain<Kernel>::pin_slowly(std::span<const std::byte> range, pin_failure& failure) noexcept
    -> std::optional<registration> {
    const auto pin = [&]() -> std::optional<registration> {
        failure = {.range = range};
        if (!detail::check_range(range, "mlock", failure)) return std::nullopt;
        const detail::page_range pages = detail::touched_pages(range, Kernel::page_size());
        registration pinned;
        registry& counts = registry::current();
        const auto refusal = counts.template pin<detail::mlock_transaction<Kernel>>(
            pages, options_.mode == mlock_mode::on_fault, pinned.held_);
        if (refusal.call != nullptr) {
            fail(refusal, failure);
            return std::nullopt;
        }
        pinned.registry_ = &counts;
        pinned.pages_ = pages;
        return pinned;
    };
    const auto refuse = [&]() -> std::optional<registration> {
        failure = {.code = detail::errno_code(ENOMEM), .call = "mlock", .range = range};
        return std::nullopt;
    };
    return detail::unless_out_of_memory(pin, refuse);
}

template <class Kernel>
void basic_mlock_domain<Kernel>::fail(const detail::lock_refusal& refusal, pin_failure& failure) {
    if (!refusal.stuck.empty())
        report_release_failure(
            {"munlock",
             detail::errno_code(refusal.stuck_error),
             {reinterpret_cast<const std::byte*>(refusal.stuck.begin), refusal.stuck.size()}});
    detail::explain_refusal<Kernel>(refusal, failure);
}

static_assert(pin_domain<mlock_domain>);

} // namespace gup::inline GUP_NAMESPACE
