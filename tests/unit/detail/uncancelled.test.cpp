// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/uncancelled.hpp"

#include "gup/detail/spin_lock.hpp"
#include "gup/error.hpp"
#include "gup_test/asleep.hpp"
#include "gup_test/cancelled_thread.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"

#include <atomic>
#include <cstdio>
#include <future>
#include <string>
#include <thread>
#include <unistd.h>

using gup::detail::uncancelled;
using gup_test::asleep;
using gup_test::outlives_cancellation;

TEST_CASE("a request to cancel the thread waits, and one inside another changes nothing") {
    CHECK(outlives_cancellation([] {
        const uncancelled outer;
        { const uncancelled inner; }
        ::pthread_testcancel();
    }));
    CHECK_FALSE(outlives_cancellation([] {
        { const uncancelled over; }
        ::pthread_testcancel();
    }));
    CHECK(outlives_cancellation([] {
        int before = 0;
        ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
        { const uncancelled inner; }
        ::pthread_testcancel(); // it was the caller who did not want it
        ::pthread_setcancelstate(before, nullptr);
    }));
}

TEST_CASE("a cancelled thread that sleeps for a lock gets it") {
    gup::detail::spin_lock lock;
    std::promise<pid_t> waits;
    lock.lock();
    std::thread holder([&] {
        const pid_t waiter = waits.get_future().get();
        while (!asleep(waiter)) std::this_thread::yield();
        lock.unlock();
    });
    CHECK(outlives_cancellation([&] {
        waits.set_value(::gettid());
        lock.lock();
        lock.unlock();
    }));
    holder.join();
}

TEST_CASE("what a hook prints is no place to be cancelled at, nor is the sentence of a broken rule") {
    const auto told = gup_test::in_child([] {
        return outlives_cancellation([] { gup::report_release_failure({"munlock", {}, {}}); }) ? 0 : 1;
    });
    CHECK(told.exited_with(0));
    CHECK(told.said_that("munlock"));
    const auto broken = gup_test::in_child(
        [] { return outlives_cancellation([] { gup::detail::rule_broken("a rule"); }) ? 0 : 1; });
    CHECK(broken.terminated());
    CHECK(broken.said_that("gup: a rule"));
}
