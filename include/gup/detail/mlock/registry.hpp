// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The mlock page counts of this process: one set for all domains, threads and shared objects, because the
/// locks of the kernel are per process too.

#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/mlock/locked_ranges.hpp"
#include "gup/detail/page_range.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/spin_lock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

template <class Kernel>
class [[gnu::visibility("default")]] mlock_registry;

/// Never destroyed: registrations in static objects may outlive anything.
template <class Kernel>
class mlock_registry {
public:
    /// The one of this process, null if there is none yet. Thread-safe.
    static mlock_registry* find() noexcept {
        mlock_registry* const known = current_.load(std::memory_order_acquire);
        return known != nullptr && known->belongs_to_this_process() ? known : nullptr;
    }

    /// The one of this process; makes it on the first call. Thread-safe. Throws std::bad_alloc.
    static mlock_registry& current();

    /// False in a forked child: it inherits no locks, and another thread of its parent may have held these.
    bool belongs_to_this_process() const noexcept { return process_ == this_process<Kernel>(); }

    std::size_t page_size() const noexcept { return page_size_; }

    /// Counts one more pin of `pages` if that takes no system call and no allocation; `held` is then the
    /// bytes really locked. Returns how far it came: pages.end, or another thread let go of the rest
    /// meanwhile and what is counted is to be released. Thread-safe.
    std::uintptr_t count_nested(page_range pages, bool on_fault, std::size_t& held) noexcept {
        std::uintptr_t next = pages.begin;
        held = 0;
        lock_.in_turns([&] { return ranges_.add_nested(pages, next, on_fault, held) && next != pages.end; });
        return next;
    }

    /// The same for all pages, by a transaction, which is the caller's release's own: it locks what no pin
    /// holds yet, all or nothing. Thread-safe. Throws std::bad_alloc.
    template <class Transaction>
    auto pin(page_range pages, bool on_fault, std::size_t& held) {
        const std::scoped_lock calls(calls_);
        return Transaction(ranges_, lock_, pages, on_fault).run(held);
    }

    /// Ends a pin, unlocking what no other holds; 0 or the errno of a failed munlock. Thread-safe.
    int release(page_range pages) noexcept {
        std::uintptr_t next = pages.begin;
        lock_.in_turns([&] { return ranges_.remove_nested(pages, next) && next != pages.end; });
        return next == pages.end ? 0 : release_last(pages, next);
    }

private:
    friend struct frozen_layout;

    mlock_registry(process_identity process, const mlock_registry* inherited) noexcept
        : process_(process), page_size_(Kernel::page_size()), inherited_(inherited) {}

    [[gnu::noinline]] int release_last(page_range pages, std::uintptr_t next) noexcept;
    static int unlock(const locked_range* released) noexcept;

    const process_identity process_;
    const std::size_t page_size_;
    // leaked on purpose; leak checkers see that it is known
    [[maybe_unused]] const mlock_registry* const inherited_;

    // whoever brings pages into the set or takes them out, until the kernel has done so too
    std::mutex calls_;
    spin_lock lock_; // the set itself; taken after calls_, never held during a call, nor for many ranges
    locked_ranges ranges_;

    static constinit inline std::atomic<mlock_registry*> current_{nullptr};
};

template <class Kernel>
mlock_registry<Kernel>& mlock_registry<Kernel>::current() {
    mlock_registry* known = current_.load(std::memory_order_acquire);
    if (known != nullptr && known->belongs_to_this_process()) return *known;
    keep_loaded(); // with what points to the counts: a library that is opened again must find them
    std::unique_ptr<mlock_registry> made(new mlock_registry(this_process<Kernel>(), known));
    if (current_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
        return *made.release();
    return *known; // another thread was first
}

template <class Kernel>
int mlock_registry<Kernel>::release_last(page_range pages, std::uintptr_t next) noexcept {
    const std::scoped_lock calls(calls_);
    locked_range* released = nullptr;
    locked_range** end = &released;
    lock_.in_turns([&] {
        end = ranges_.remove(pages, next, end);
        return next != pages.end;
    });
    const int error = unlock(released);
    lock_.in_turns([&] {
        ranges_.recycle(released);
        return released != nullptr;
    });
    return error;
}

/// One call for each run of ranges that touch, leaving out what was locked before gup came.
template <class Kernel>
int mlock_registry<Kernel>::unlock(const locked_range* released) noexcept {
    int error = 0;
    while (released != nullptr) {
        page_range run = released->pages;
        const bool foreign = released->state.foreign;
        for (released = released->next;
             released != nullptr && released->pages.begin == run.end && released->state.foreign == foreign;
             released = released->next)
            run.end = released->pages.end;
        if (foreign) continue;
        const int result = Kernel::munlock(reinterpret_cast<const void*>(run.begin), run.size());
        if (result != 0) error = -result;
    }
    return error;
}

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::mlock_registry;
} // namespace gup::inline GUP_NAMESPACE::detail
