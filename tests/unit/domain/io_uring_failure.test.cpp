// SPDX-License-Identifier: BSL-1.0
// Every system call of a domain's life made to fail in turn, on pretended rings: nothing leaked, nothing half
// done.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/watched_memory.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>

namespace {

using gup_test::failing;
using gup_test::leak_listener;
using gup_test::pretend_rings;
using gup_test::stub_ring;
using gup_test::watched_memory;
using kernel = gup_test::failing_kernel<pretend_rings>;
using domain = gup::io_uring_domain<void, kernel>;

constexpr std::size_t gib = std::size_t{1} << 30;
const std::span<const std::byte> memory{reinterpret_cast<const std::byte*>(0x7000'0000'0000), gib + 4096};

/// Three rings of which the program may have lent slots 1 to 4.
struct scene {
    explicit scene(bool lent) {
        pretend_rings::can_clone = !lent; // so that both ways of sharing a registration are covered
        for (auto& ring : rings)
            if (lent) pretend_rings::rings[ring.fd()]->table.emplace(5);
        options.slots = 4;
        if (lent) options.first_slot = 1;
        kernel::plan_nothing();
    }
    std::optional<domain> try_make(gup::pin_failure& failure) {
        std::array handles{&rings[0].handle(), &rings[1].handle(), &rings[2].handle()};
        return domain::try_make(handles, options, failure);
    }
    bool untouched() const {
        for (const auto& ring : rings) {
            const auto& table = pretend_rings::rings.at(ring.fd())->table;
            if (table.has_value() != options.first_slot.has_value() ||
                !pretend_rings::slots(ring.fd()).empty())
                return false;
        }
        return pretend_rings::duplicates() == 0;
    }

    gup_test::fresh_kernel kernel_state;
    std::array<stub_ring, 3> rings;
    gup::io_uring_options options;
};

/// Runs `body` with the first, second, … call failing until one run makes no such call.
template <class Body>
void for_each_call(Body body) {
    for (int number = 1;; ++number) {
        INFO("call " << number << " fails");
        if (!body(number)) return;
    }
}

} // namespace

TEST_CASE("a domain that cannot be made, or cannot pin, says why and leaves all rings as they were") {
    for (const bool lent : {false, true}) {
        int refused = 0;
        for_each_call([&](int number) {
            scene s(lent);
            gup::pin_failure failure;
            kernel::plan(number, ENOMEM);
            auto made = s.try_make(failure);
            const bool failed = kernel::calls >= number;
            kernel::plan_nothing();
            if (!made || !made->try_pin(memory, gup::dma_access::read_write, failure)) {
                ++refused;
                CHECK(failed);
                CHECK(failure.code.value() == ENOMEM);
                CHECK_FALSE(failure.remedy.empty());
                CHECK((!made || s.untouched()));
            }
            made.reset();
            CHECK(s.untouched());
            return failed;
        });
        CHECK(refused == 3 * 2); // a look at a ring that is used, and its table
    }
}

TEST_CASE("a pin that fails on any ring leaves no slot filled and none taken") {
    for (const bool lent : {false, true}) {
        for_each_call([&](int number) {
            scene s(lent);
            gup::pin_failure failure;
            auto made = s.try_make(failure);
            REQUIRE(made);
            kernel::plan(number, EFAULT);
            auto pinned = made->try_pin(memory, gup::dma_access::read_write, failure);
            const bool failed = kernel::calls >= number;
            kernel::plan_nothing();
            if (!failed) return false;
            // a clone that fails is not the end: the range is registered on that ring instead
            if (!pinned) CHECK(pretend_rings::pinned() == 0);
            if (!pinned) CHECK(failure.code.value() == EFAULT);
            pinned.reset();
            CHECK(pretend_rings::pinned() == 0);
            CHECK(made->try_pin({memory.data(), 4 * gib}, gup::dma_access::read_write,
                                failure)); // all four slots
            return true;
        });
    }
}

TEST_CASE("a pin whose roll-back fails too is reported, and its slots are never used again") {
    for_each_call([&](int number) {
        scene s(true);
        gup::pin_failure failure;
        auto made = s.try_make(failure);
        REQUIRE(made);
        const leak_listener leaks;
        kernel::plan(number, EIO, failing::from_then_on);
        const auto pinned = made->try_pin(memory, gup::dma_access::read_write, failure);
        const bool failed = kernel::calls >= number;
        kernel::plan_nothing();
        if (!failed || pinned) return failed; // the last close can fail
        const bool leaked = pretend_rings::pinned() != 0;
        CHECK(leaks.heard.size() == (leaked ? 1U : 0U));
        CHECK(failure.kept == leaked);
        const auto next = made->try_pin({memory.data(), 4096}, gup::dma_access::read_write, failure);
        REQUIRE(next);
        CHECK(pretend_rings::slots(s.rings[2].fd()).contains(3) == leaked);
        return true;
    });
}

TEST_CASE("a release that fails on any ring keeps the memory and its slots, and says so once") {
    for (const bool lent : {false, true}) {
        int refused = 0;
        for_each_call([&](int number) {
            scene s(lent);
            gup::pin_failure failure;
            auto made = s.try_make(failure);
            auto pinned = made->try_pin(memory, gup::dma_access::read_write, failure);
            REQUIRE(pinned);
            bool gone = false;
            auto owned = std::make_unique<watched_memory>(gone);
            watched_memory* const kept = owned.get();
            const leak_listener leaks;
            kernel::plan(number, EIO);
            pinned->release(std::move(owned));
            const bool failed = kernel::calls >= number;
            kernel::plan_nothing();
            CHECK(gone == leaks.heard.empty());
            if (gone) return failed; // a duplicate can be done without, and a close that fails has closed
            ++refused;
            REQUIRE(leaks.heard.size() == 1);
            CHECK(leaks.heard[0].code.value() == EIO);
            CHECK(leaks.heard[0].range.data() == memory.data());
            CHECK(leaks.heard[0].range.size() == memory.size());
            CHECK_FALSE(made->try_pin({memory.data(), 3 * gib}, gup::dma_access::read_write, failure));
            pinned.reset();
            made.reset();
            CHECK(leaks.heard.size() == 1);
            CHECK_FALSE(gone);
            CHECK(pretend_rings::duplicates() == 0);
            CHECK(pretend_rings::pinned() != 0); // with a table of its own, too: it goes with the ring
            delete kept;
            return true;
        });
        CHECK(refused == 3 * 3); // a look at a ring, and its two slots
    }
}

TEST_CASE("the end of a domain closes all descriptors whatever the kernel says") {
    for (const bool lent : {false, true}) {
        for_each_call([&](int number) {
            scene s(lent);
            gup::pin_failure failure;
            auto made = s.try_make(failure);
            REQUIRE(made);
            kernel::plan(number, EIO, failing::half_done);
            made.reset();
            const bool failed = kernel::calls >= number;
            kernel::plan_nothing();
            CHECK(pretend_rings::duplicates() == 0);
            CHECK(pretend_rings::pinned() == 0);
            return failed;
        });
    }
}

TEST_CASE("a pool on a domain that refuses every further call is refused and leaves no memory") {
    for_each_call([&](int number) {
        scene s(false);
        gup::pin_failure failure;
        auto made = s.try_make(failure);
        REQUIRE(made);
        const std::size_t mapped = kernel::mapped.bytes();
        kernel::plan(number, ENOMEM);
        auto pages = gup::page_pool<domain>::try_make(
            *made, {.pages = 2, .memory = gup::memory_kind::small_pages}, failure);
        const bool failed = kernel::calls >= number;
        kernel::plan_nothing();
        if (!pages) CHECK(kernel::mapped.bytes() == mapped);
        if (!pages) CHECK(pretend_rings::pinned() == 0);
        pages.reset();
        CHECK(kernel::mapped.bytes() == mapped);
        CHECK(pretend_rings::pinned() == 0);
        return failed;
    });
}
