// SPDX-License-Identifier: BSL-1.0
// What happens when two threads are inside a pin or a release at the same time, at the worst moment.
#include "gup/domain/mlock.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/real_memory.hpp"
#include "gup_test/skip.hpp"

#include <atomic>
#include <cstddef>
#include <thread>

namespace {

using gup_test::real_memory;

/// The real kernel, slow on demand: the next munlock or mlock lets another thread run until that has made a
/// call of its own or has had ample time to.
struct slow_kernel : gup::system_kernel {
    static inline std::atomic<bool> slow_unlock{false};
    static inline std::atomic<bool> slow_lock{false};
    static inline std::atomic<bool> inside{false}; ///< a slow call is under way
    static inline std::atomic<int> locks{0};       ///< calls of mlock

    static int mlock(const void* address, std::size_t bytes) noexcept {
        const int calls = ++locks;
        if (slow_lock.exchange(false)) let_others_run(calls);
        return system_kernel::mlock(address, bytes);
    }
    static int munlock(const void* address, std::size_t bytes) noexcept {
        if (slow_unlock.exchange(false)) let_others_run(locks);
        return system_kernel::munlock(address, bytes);
    }

private:
    static void let_others_run(int calls) noexcept {
        constexpr int ample = 20000;
        inside = true;
        for (int turn = 0; turn < ample && locks == calls; ++turn) std::this_thread::yield();
        inside = false;
    }
};

using domain = gup::basic_mlock_domain<slow_kernel>;

const std::size_t page = gup_test::page_bytes();

void wait_until_inside() {
    while (!slow_kernel::inside) std::this_thread::yield();
}

bool may_lock(std::size_t pages) {
    const auto room = gup::memlock_budget::read().available(gup::pin_budget::locked_vm);
    return gup_test::have(!room || *room >= pages * page, "RLIMIT_MEMLOCK is too low");
}

} // namespace

TEST_CASE("A pin that begins while the last release of its pages unlocks them waits, and locks them again") {
    if (!may_lock(8)) return;
    const real_memory memory(8);
    auto last = domain().pin(memory.all());
    slow_kernel::slow_unlock = true;

    std::jthread releasing([&] { last.release(); });
    wait_until_inside();
    const auto pinned = domain().pin(memory.range(2, 4));
    releasing.join();

    CHECK(memory.locked_pages() == 4);
    CHECK(memory.locked(2));
}

TEST_CASE("Two pins of the same gap are made one after the other") {
    if (!may_lock(16)) return;
    const real_memory memory(16);
    slow_kernel::slow_lock = true;
    domain::registration first;

    std::jthread pinning([&] { first = domain().pin(memory.range(0, 10)); });
    wait_until_inside();
    auto second = domain().pin(memory.range(5, 10));
    pinning.join();

    CHECK(memory.locked_pages() == 15);
    first.release();
    CHECK(memory.locked_pages() == 10);
    CHECK(memory.locked(5));
    second.release();
    CHECK(memory.locked_pages() == 0);
}

TEST_CASE("A nested pin does not wait for another thread's system call") {
    if (!may_lock(64)) return;
    const real_memory memory(64);
    const auto around = domain().pin(memory.range(0, 8));
    slow_kernel::slow_lock = true;
    std::jthread pinning([&] { const auto other = domain().pin(memory.range(32, 8)); });
    wait_until_inside();

    auto nested = domain().pin(memory.range(3, 1));
    nested.release();
    const bool still_inside = slow_kernel::inside;
    ++slow_kernel::locks; // let it go on

    CHECK(still_inside);
}
