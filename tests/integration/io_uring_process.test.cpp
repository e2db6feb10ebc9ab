// SPDX-License-Identifier: BSL-1.0
// Forked children, ordinary users, and rings that are torn down under their operations, on the real kernel.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/real_memory.hpp"
#include "gup_test/ring_scene.hpp"
#include "gup_test/sockets.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

using gup_test::child_result;
using gup_test::completion;
using gup_test::contains;
using gup_test::eventually;
using gup_test::in_child;
using gup_test::pattern;
using gup_test::pinned_memory;
using gup_test::ring;
using gup_test::ring_scene;
using gup_test::same;
using gup_test::scratch_file;
using gup_test::slots_of;

using domain = gup::io_uring_domain<>;
using pool_type = gup::page_pool<domain>;

/// Becomes an ordinary user, who may lock this much.
bool become_ordinary(rlim_t may_lock) {
    constexpr unsigned nobody = 65534;
    const rlimit limit{may_lock, may_lock};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
    return ::geteuid() != 0 ||
           (::setresgid(nobody, nobody, nobody) == 0 && ::setresuid(nobody, nobody, nobody) == 0);
}

} // namespace

TEST_CASE("a forked child that destroys everything releases nothing of its parent's") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    std::optional page(gup::get_user_page(*s.p));
    const auto slots = slots_of(s.r);
    const std::size_t pinned = pinned_memory();

    const child_result child = in_child([&] {
        page.reset();
        s.p.reset();
        s.d.reset();
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(child.said.empty());
    CHECK(slots_of(s.r) == slots);
    CHECK(pinned_memory() == pinned);
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(*page), 0);
    *page = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(same(page->bytes(), file.content()));
}

TEST_CASE("a registration that a forked child destroys stays its parent's, and so does the table") {
    ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    const gup_test::real_memory memory(2);
    std::optional<domain> d(r.handle());
    std::optional pinned(d->pin(memory.all(), gup::dma_access::read_write));
    const auto slots = slots_of(r);

    const child_result released = in_child([&] {
        pinned.reset();
        return 0;
    });
    CHECK(released.exited_with(0));
    CHECK(slots_of(r) == slots);
    pinned.reset();
    const child_result ended = in_child([&] {
        d.reset();
        return 0;
    });
    CHECK(ended.exited_with(0));
    CHECK_NOTHROW(d->pin(memory.all(), gup::dma_access::read_write));
}

TEST_CASE("a forked child cannot pin into its parent's table") {
    ring_scene s;
    if (!s.ok()) return;
    const auto slots = slots_of(s.r);
    const child_result child = in_child([&] {
        gup::pin_failure failure;
        const bool refused = !pool_type::try_make(*s.d, gup_test::small(1), failure);
        std::fputs(failure.remedy.c_str(), stderr);
        return refused && failure.code.value() == EPERM ? 0 : 1;
    });
    CHECK(child.exited_with(0));
    CHECK(child.said_that("make a ring and a domain of your own"));
    CHECK(slots_of(s.r) == slots);
}

TEST_CASE("a child forked with a release deferred leaves it to its parent") {
    ring r(IORING_SETUP_SINGLE_ISSUER);
    if (!gup_test::have(r.ok(), r.why_not())) return;
    domain d(r.handle());
    auto pool = std::make_unique<pool_type>(d, gup_test::small(1));
    std::thread([&] { pool.reset(); }).join();
    const child_result child = in_child([&] {
        static_cast<void>(gup::try_complete(d, gup_test::made_up(0)));
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(slots_of(r).size() == 1);
    static_cast<void>(gup::try_complete(d, gup_test::made_up(0)));
    CHECK(slots_of(r).empty());
}

TEST_CASE("an ordinary user learns which budget is too small, and how to raise it") {
    const ring probe;
    if (!gup_test::have(probe.ok(), probe.why_not())) return;
    constexpr rlim_t may_lock = 512 * 1024;
    const child_result child = in_child([&] {
        if (!become_ordinary(may_lock)) return 2;
        ring r(0, 8); // charged to the same budget, as the user that makes it
        if (!r.ok()) return 3;
        domain d(r.handle());
        if (!pool_type(d, gup_test::small(4)).registered()) return 4;
        gup::pin_failure failure;
        if (pool_type::try_make(d, gup_test::small(256), failure)) return 5;
        std::fputs(failure.message().c_str(), stderr);
        const bool told = failure.budget == gup::pin_budget::user_locked_vm && failure.need == 256 * 4096 &&
                          failure.limit == may_lock && failure.code.value() == ENOMEM;
        if (!slots_of(r).empty()) return 6;
        return told ? 0 : 7;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
    CHECK(child.said_that("locked memory of this user"));
    CHECK(child.said_that("needs 1048576"));
    CHECK(child.said_that("limit 524288"));
    CHECK(child.said_that("ulimit -l"));
}

TEST_CASE("an ordinary user can go on unpinned") {
    const ring probe;
    if (!gup_test::have(probe.ok(), probe.why_not())) return;
    const scratch_file file(pattern(4096));
    const child_result child = in_child([&] {
        if (!become_ordinary(128 * 1024)) return 2;
        ring r(0, 8);
        if (!r.ok()) return 3;
        domain d(r.handle());
        auto options = gup_test::small(256);
        options.fallback = gup::pin_fallback::unpinned;
        pool_type pool(d, options);
        if (pool.registered()) return 4;
        if (pool.why_not_registered()->budget != gup::pin_budget::user_locked_vm) return 5;
        gup::prep_read_fixed(r.entry(), file.fd(), gup::get_user_page(pool), 0);
        const auto page = gup::complete(d, r.submit_and_wait());
        return same(page.bytes(), file.content()) ? 0 : 6;
    });
    CHECK(child.exited_with(0));
}

TEST_CASE(
    "a ring torn down with an operation in flight never frees the page, though everything else is gone") {
    const gup_test::leak_on_purpose the_pool_lives_on;
    const auto sockets = gup_test::local_pair();
    std::optional<ring> r(std::in_place);
    if (!gup_test::have(r->ok(), r->why_not())) return;
    const std::size_t before = pinned_memory();
    std::optional<domain> d(r->handle());
    std::optional<pool_type> pool(std::in_place, *d, gup_test::small(2));
    auto page = gup::get_user_page(*pool);
    const std::byte* const address = page.bytes().data();
    SECTION("with a record") {
        gup::prep_read_fixed(r->entry(), sockets.to.fd(), std::move(page), 0);
        REQUIRE(r->submit() == 1);
        pool.reset();
        d.reset();
    }
    SECTION("with a token that is dropped") {
        const gup_test::leak_listener leaks;
        {
            const auto token =
                gup::prep_read_fixed(r->entry(), sockets.to.fd(), std::move(page), 0, {.user_data = 1});
            REQUIRE(r->submit() == 1);
            pool.reset();
            d.reset();
        }
        REQUIRE(leaks.heard.size() == 1);
        CHECK(leaks.heard[0].range.data() == address);
    }
    r.reset();
    CHECK(gup_test::is_mapped(address));
    CHECK(pinned_memory() == before + 2 * 4096);

    // the ring lives on with its pool, and its operation too: what the device writes now must not hit other
    // memory
    REQUIRE(::write(sockets.from.fd(), "late", 4) == 4);
    CHECK(eventually([&] { return std::memcmp(address, "late", 4) == 0; }));
}

TEST_CASE("a pool whose handle is gone takes its last page from a completion, and ends then") {
    ring_scene s(1);
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    const std::size_t with_pool = pinned_memory();
    gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p), 0);
    s.p.reset();
    CHECK(pinned_memory() == with_pool);
    auto page = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(same(page.bytes(), file.content()));
    gup::put_user_page(std::move(page), gup::clean);
    CHECK(gup_test::eventually([&] { return pinned_memory() == with_pool - 8192; }));
}
