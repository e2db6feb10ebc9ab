// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A lock for work of a microsecond or so; longer work takes turns (in_turns). One atomic operation per pair,
/// where a mutex needs two; with a holder that does not run, waiters sleep, so that it gets to run whatever
/// their priorities are.

#include "gup/detail/uncancelled.hpp"
#include "gup/version.hpp"

#include <atomic>
#include <mutex>
#include <sched.h>
#include <unistd.h>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

/// Lets other threads run. (<thread> and <chrono> take long to compile, for a system call each.)
inline void yield_processor() noexcept { ::sched_yield(); }

/// For std::scoped_lock. Constant-initialised.
class spin_lock {
public:
    constexpr spin_lock() noexcept = default;
    spin_lock(const spin_lock&) = delete;
    spin_lock& operator=(const spin_lock&) = delete;

    void lock() noexcept {
        while (taken_.exchange(true, std::memory_order_acquire)) [[unlikely]] wait();
    }
    void unlock() noexcept { taken_.store(false, std::memory_order_release); }

    /// Calls `step` under the lock until it is false, and leaves the lock to others in between.
    template <class Step>
    void in_turns(Step step) {
        const auto more = [&] {
            const std::lock_guard locked(*this);
            return step();
        };
        constexpr int looks = 1000; // what another processor needs to see that it is free, and to take it
        while (more()) [[unlikely]] static_cast<void>(becomes(true, looks));
    }

private:
    [[gnu::cold, gnu::noinline]] void wait() const noexcept {
        constexpr int looks = 10'000; // some ten microseconds: longer than holders that run need
        while (!becomes(false, looks)) {
            const uncancelled sleep;
            ::usleep(50);
        }
    }

    bool becomes(bool taken, int looks) const noexcept {
        for (; looks != 0; --looks)
            if (taken_.load(std::memory_order_relaxed) == taken) return true;
        return false;
    }

    friend struct frozen_layout;

    std::atomic<bool> taken_{false};
};

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::spin_lock;
using process_wide_v1::yield_processor;
} // namespace gup::inline GUP_NAMESPACE::detail
