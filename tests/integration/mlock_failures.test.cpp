// SPDX-License-Identifier: BSL-1.0
// Every system call of a pin and of a release made to fail in turn, on the real kernel.
#include "gup/domain/mlock.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/real_memory.hpp"
#include "gup_test/skip.hpp"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace {

using kernel = gup_test::failing_kernel<>;
using domain = gup::basic_mlock_domain<kernel>;
using gup_test::failing;
using gup_test::locked_memory;
using gup_test::real_memory;

const std::size_t page = gup_test::page_bytes();

/// Collects what is reported as not released while it lives.
class listener {
public:
    listener()
        : before_(
              gup::on_release_failure([](const gup::release_failure& f) noexcept { heard.push_back(f); })) {
        heard.clear();
    }
    ~listener() { gup::on_release_failure(before_); }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    static std::size_t bytes() {
        std::size_t sum = 0;
        for (const auto& failure : heard) sum += failure.range.size();
        return sum;
    }
    static inline std::vector<gup::release_failure> heard;

private:
    gup::release_failure_hook before_;
};

struct watched_memory : gup::pinned_memory {
    explicit watched_memory(bool& gone) : gone_(gone) {}
    ~watched_memory() override { gone_ = true; }
    bool& gone_;
};

/// 120 pages: other pins hold 20 to 29 and, on fault, 60 to 69; the program itself has locked 90 to 94.
struct scene {
    real_memory memory{120};
    domain::registration populated;
    domain::registration lazy;

    scene() {
        kernel::plan_nothing();
        populated = domain().pin(memory.range(20, 10));
        lazy = domain({.mode = gup::mlock_mode::on_fault}).pin(memory.range(60, 10));
        REQUIRE(gup::system_kernel::mlock(memory.page(90), 5 * page) == 0);
    }
    ~scene() { kernel::plan_nothing(); }

    std::set<std::size_t> locked() const {
        std::set<std::size_t> found;
        for (std::size_t number = 0; number < memory.pages(); ++number)
            if (memory.locked(number)) found.insert(number);
        return found;
    }
};

int calls_of_a_pin() {
    scene here;
    kernel::plan_nothing();
    const auto pinned = domain().pin(here.memory.all());
    return kernel::calls;
}

bool may_lock() {
    const auto room = gup::memlock_budget::read().available(gup::pin_budget::locked_vm);
    return gup_test::have(!room || *room >= 240 * page, "RLIMIT_MEMLOCK is too low");
}

} // namespace

TEST_CASE("Whichever system call of a pin fails, either all is pinned or all is as before") {
    if (!may_lock()) return;
    const std::size_t before = locked_memory();
    const int calls = calls_of_a_pin();
    REQUIRE(calls > 10);
    int refused = 0;

    for (const failing how : {failing::refused, failing::half_done})
        for (const int error : {ENOMEM, EAGAIN, EPERM})
            for (int number = 1; number <= calls; ++number) {
                CAPTURE(static_cast<int>(how), error, number);
                const listener reports;
                scene here;
                const auto locked = here.locked();
                gup::pin_failure failure;
                kernel::plan(number, error, how);
                auto pinned = domain().try_pin(here.memory.all(), gup::dma_access::read, failure);
                kernel::plan_nothing();

                if (pinned) {
                    CHECK(pinned->bytes() == 120 * page);
                    CHECK(here.locked().size() == 120);
                    pinned->release();
                } else {
                    ++refused;
                    CHECK(failure.code.value() == error);
                    CHECK_FALSE(failure.message().empty());
                }
                CHECK(here.locked() == locked);
                CHECK(listener::heard.empty());
                here.populated.release();
                here.lazy.release();
                CHECK(here.locked().size() == 5);
            }
    CHECK(refused > calls);
    CHECK(locked_memory() == before);
}

TEST_CASE("What a roll-back cannot unlock is reported and is not counted as pinned") {
    if (!may_lock()) return;
    const int calls = calls_of_a_pin();
    int stuck = 0;

    for (int number = 1; number <= calls; ++number) {
        CAPTURE(number);
        const listener reports;
        scene here;
        const auto locked = here.locked();
        gup::pin_failure failure;
        kernel::plan(number, EAGAIN, failing::from_then_on);
        const auto pinned = domain().try_pin(here.memory.all(), gup::dma_access::read, failure);
        kernel::plan_nothing();

        REQUIRE_FALSE(pinned.has_value());
        if (here.locked() == locked) continue; // it failed before anything was locked
        ++stuck;
        CHECK(listener::heard.size() == 1);
        CHECK(listener::heard[0].code.value() == EAGAIN);
        CHECK(listener::bytes() >= (here.locked().size() - locked.size()) * page);
    }
    CHECK(stuck > 0);
}

TEST_CASE(
    "Whichever munlock of a release fails, it is reported, the memory is leaked and the counts are right") {
    if (!may_lock()) return;
    for (const failing how : {failing::refused, failing::half_done})
        for (int number = 1; number <= 4; ++number) {
            CAPTURE(static_cast<int>(how), number);
            const listener reports;
            bool gone = false;
            auto memory = std::make_unique<watched_memory>(gone);
            gup::pinned_memory* const watched = memory.get();
            scene here;
            auto pinned = domain().pin(here.memory.all());
            kernel::plan(number, ENOMEM, how);
            pinned.release(std::move(memory)); // unlocks 0 to 19, 30 to 59, 70 to 89, 95 to 119
            CHECK(kernel::calls == 4);
            kernel::plan_nothing();

            REQUIRE(listener::heard.size() == 1);
            CHECK(listener::heard[0].range.size() == 120 * page);
            CHECK_FALSE(gone);
            CHECK((here.locked().size() == 25) == (how == failing::half_done));
            here.populated.release();
            here.lazy.release();
            CHECK_FALSE(here.memory.locked(20));
            CHECK_FALSE(here.memory.locked(60));
            delete watched;
        }
}

TEST_CASE("A nested pin and its release make no system call that could fail") {
    if (!may_lock()) return;
    scene here;
    kernel::plan(1, EPERM, failing::from_then_on);

    auto nested = domain().pin(here.memory.range(22, 3));
    auto lazy = domain({.mode = gup::mlock_mode::on_fault}).pin(here.memory.range(60, 10));
    CHECK(nested.bytes() == 3 * page);
    nested.release();
    lazy.release();

    CHECK(kernel::calls == 0);
}
