// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/spin_lock.hpp"

#include "gup_test/catch.hpp"

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using gup::detail::spin_lock;

TEST_CASE("who waits for a lock gets it between the turns of another thread") {
    constexpr int waiters = 3;
    spin_lock lock;
    int served = 0;
    std::atomic<bool> begun{false};
    std::vector<std::jthread> threads;
    for (int i = 0; i < waiters; ++i)
        threads.emplace_back([&] {
            begun.wait(false);
            const std::lock_guard locked(lock);
            ++served;
        });
    int turns = 0;
    lock.in_turns([&] {
        begun = true;
        begun.notify_all();
        ++turns;
        return served != waiters; // it would go on for ever
    });
    CHECK(served == waiters);
    CHECK(turns > 1);
}

TEST_CASE("a turn that throws leaves the lock free") {
    spin_lock lock;
    CHECK_THROWS_AS(lock.in_turns([]() -> bool { throw std::runtime_error("a turn"); }), std::runtime_error);
    int turns = 0;
    lock.in_turns([&] { return ++turns != 3; });
    CHECK(turns == 3);
}
