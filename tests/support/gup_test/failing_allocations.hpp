// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Makes the n-th allocation of an operation fail, for every n, and sees that nothing of it stays. The
/// program has the operator new of integration/failing_allocations.test.cpp.

#include "gup/error.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/real_memory.hpp"
#include "gup_test/rings.hpp"

#include <cstddef>
#include <new>
#include <utility>

namespace gup_test {

/// Of the calling thread.
struct allocations {
    static inline constinit thread_local long until_failure = 0; ///< none fails while it is 0
    static inline constinit thread_local long alive = 0;

    /// What operator new does first.
    static void begin() {
        if (until_failure > 0 && --until_failure == 0) throw std::bad_alloc();
        ++alive;
    }
};

/// While it lives no allocation fails: for what a test pretends that the kernel does.
class no_failure {
public:
    no_failure() noexcept : before_(std::exchange(allocations::until_failure, 0)) {}
    no_failure(const no_failure&) = delete;
    no_failure& operator=(const no_failure&) = delete;
    ~no_failure() { allocations::until_failure = before_; }

private:
    long before_;
};

/// What an operation that failed must leave as it was.
struct belongings {
    std::size_t descriptors = open_descriptors();
    std::size_t locked = locked_memory();
    std::size_t pinned = pinned_memory();
    int unreleased = unreleased_so_far;

    /// Older kernels unpin late, so that some of an earlier operation's may have been counted, too.
    bool grew_from(const belongings& before) const {
        return descriptors != before.descriptors || unreleased != before.unreleased ||
               locked > before.locked || pinned > before.pinned;
    }

    static inline int unreleased_so_far = 0;
};

/// Does `operation` until each of its allocations has failed once; `unchanged` checks what is the
/// operation's own. What is kept for the next time is there after the first two times, and what a failure
/// leaves of that goes with the next success.
template <class Operation, class Check>
void fail_every_allocation(const char* name, Operation operation, Check unchanged) {
    INFO(name);
    for (int i = 0; i < 2; ++i) operation(), unchanged();
    const auto hook = gup::on_release_failure(
        [](const gup::release_failure&) noexcept { ++belongings::unreleased_so_far; });
    const belongings before;
    bool reached = true;
    for (long number = 1; reached; ++number) {
        INFO("allocation " << number);
        const long alive = allocations::alive;
        allocations::until_failure = number;
        try {
            operation();
        } catch (const std::bad_alloc&) {
        } catch (const gup::pin_error&) { // gup may say so in its own words
        }
        reached = std::exchange(allocations::until_failure, 0) == 0;
        unchanged();
        operation();
        unchanged();
        const long alive_now = allocations::alive;
        CHECK(alive_now == alive);
        CHECK(eventually([&] { return !belongings().grew_from(before); }));
    }
    gup::on_release_failure(hook);
}

} // namespace gup_test
