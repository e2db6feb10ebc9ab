// SPDX-License-Identifier: BSL-1.0
// Rings that the program closes before the domain, its pools and its operations, on pretended rings.
#include "gup/caller_memory.hpp"
#include "gup/domain/io_uring.hpp"
#include "gup/domains.hpp"
#include "gup/local.hpp"
#include "gup/page_flags.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/errand_thread.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/stub_scene.hpp"
#include "gup_test/watched_memory.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <system_error>
#include <utility>

namespace {

using gup_test::contains;
using gup_test::failure_of;
using gup_test::fresh_kernel;
using gup_test::leak_listener;
using gup_test::pretend_rings;
using gup_test::range;
using gup_test::stub_ring;
using gup_test::watched_memory;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using slots = std::set<unsigned>;

constexpr auto both_ways = gup::dma_access::read_write;

void close(const stub_ring& ring) { pretend_rings::rings.erase(ring.fd()); }

/// A ring, and what of its domain the program lets go of.
template <class Domain = domain>
struct scene {
    scene() : d(std::in_place, ring.handle()), p(std::in_place, *d, gup_test::small(2)) {}

    /// A read in flight; the address of its page.
    const std::byte* read() {
        auto page = gup::get_user_page(*p);
        const std::byte* const address = page.bytes().data();
        gup::prep_read_fixed(ring.entry(), 3, std::move(page), 0);
        return address;
    }

    const fresh_kernel kernel{};
    const leak_listener leaks{};
    stub_ring ring{};
    std::optional<Domain> d;
    std::optional<gup::page_pool<Domain>> p;
};

} // namespace

TEST_CASE("a release after the ring was closed has nothing to ask, and frees the memory") {
    scene s;
    auto pinned = s.d->pin(range(4096), both_ways);
    bool gone = false;
    SECTION("closed") { close(s.ring); }
    SECTION("another ring has its number") { pretend_rings::replace(s.ring.fd()); }
    pretend_rings::asked.clear();
    pinned.release(std::make_unique<watched_memory>(gone));
    CHECK(gone);
    s.p.reset();
    s.d.reset();
    CHECK(pretend_rings::asked.empty()); // not of the other ring either
    CHECK(s.leaks.heard.empty());
}

TEST_CASE("no pin is made for a ring that was closed") {
    scene s;
    close(s.ring);
    const auto failure = failure_of([&] { static_cast<void>(s.d->pin(range(4096), both_ways)); });
    CHECK(failure.code.value() == EBADF);
    CHECK(contains(failure.remedy, "the ring was closed"));
    pretend_rings::replace(s.ring.fd());
    CHECK(failure_of([&] { pool(*s.d, gup_test::small(1)); }).code.value() == EBADF);
    CHECK_FALSE(pretend_rings::rings[s.ring.fd()]->table);
}

TEST_CASE("of two rings the one that is open goes on working for old and new pins") {
    for (const bool first_closes : {true, false}) {
        const fresh_kernel kernel;
        std::array<stub_ring, 3> rings;
        domain made(rings[0].handle(), rings[1].handle(), rings[2].handle());
        auto before = made.pin(range(4096), both_ways);
        const stub_ring& closed = rings[first_closes ? 0 : 1];
        const stub_ring& open = rings[first_closes ? 1 : 0];
        pretend_rings::replace(closed.fd());

        const auto after = made.pin(range(4096, 0x6000'0000'0000), both_ways);
        CHECK(pretend_rings::slots(open.fd()) == slots{0, 1});
        CHECK(pretend_rings::slots(rings[2].fd()) == slots{0, 1});
        CHECK(pretend_rings::pinned() == 2 * 4096); // the third shares the new one, too
        before = {};
        CHECK(pretend_rings::slots(open.fd()) == slots{1});
        CHECK_FALSE(pretend_rings::rings[closed.fd()]->table);
    }
}

TEST_CASE("a release that waited for the ring's thread is over when the ring is closed") {
    scene s;
    const gup_test::errand_thread submitter;
    bool gone = false;
    auto pinned = s.d->pin(range(4096), both_ways);
    pretend_rings::rings[s.ring.fd()]->submitter = submitter.id();
    pinned.release(std::make_unique<watched_memory>(gone));
    CHECK_FALSE(gone);
    close(s.ring);
    gup::pin_failure failure;
    CHECK_FALSE(s.d->try_pin(range(4096), both_ways, failure)); // on whichever thread
    CHECK(gone);
}

TEST_CASE("a page in flight on a closed ring comes back, dirty, when nobody can complete it any more") {
    scene s;
    const auto* const address = s.read();
    close(s.ring);
    SECTION("the domain goes last") {
        s.p.reset();
        CHECK(gup_test::is_mapped(address));
        s.d.reset();
    }
    SECTION("the pool goes last, by whose domain it can be completed") {
        s.d.reset();
        CHECK(s.p->stats().in_flight == 1);
        const auto kept = gup::find_get_page(*s.p, address);
        REQUIRE(kept);
        s.p.reset();
        CHECK(gup::page_dirty(*kept));
        CHECK_FALSE(gup::page_maybe_dma_pinned(*kept));
        CHECK(gup_test::is_mapped(address));
    }
    CHECK(s.leaks.heard.empty());
    CHECK_FALSE(gup_test::is_mapped(address));
}

TEST_CASE("what is completed while there is a handle comes back as always, whatever the ring") {
    scene s;
    s.read();
    close(s.ring);
    s.d.reset();
    const auto page = gup::complete(s.p->domain(), gup_test::made_up(s.ring.handle().sq.sqes[0].user_data));
    CHECK(s.p->stats().in_flight == 0);
}

TEST_CASE("an operation in flight on an open ring keeps its page for good, and is reported") {
    const gup_test::leak_on_purpose the_pool_lives_on;
    scene s;
    const auto* const address = s.read();
    s.d.reset();
    CHECK(s.leaks.heard.empty());
    s.p.reset();
    REQUIRE(s.leaks.heard.size() == 1);
    CHECK(contains(s.leaks.heard[0].call, "dropping an io_uring_domain with an operation in flight"));
    CHECK(s.leaks.heard[0].range.data() == address);
    CHECK(s.leaks.heard[0].range.size() == 4096);
    CHECK(gup_test::is_mapped(address));
    CHECK(pretend_rings::slots(s.ring.fd()) == slots{0});
}

TEST_CASE("plain I/O in flight on a closed ring keeps its page, which the kernel has no pin of") {
    const gup_test::leak_on_purpose the_pool_lives_on;
    scene s;
    std::optional plain(gup_test::unpinned_pool(*s.d));
    auto page = gup::get_user_page(*plain);
    const std::byte* const address = page.bytes().data();
    gup::prep_read_fixed(s.ring.entry(), 3, std::move(page), 0);
    close(s.ring);
    plain.reset();
    s.p.reset();
    s.d.reset();
    REQUIRE(s.leaks.heard.size() == 1);
    CHECK(contains(s.leaks.heard[0].call, "closing a ring with an operation in flight"));
    CHECK(s.leaks.heard[0].range.data() == address);
    CHECK(gup_test::is_mapped(address));
}

TEST_CASE("the caller's memory in flight on a closed ring is his to keep, and he hears of it") {
    scene s;
    auto* const memory = static_cast<std::byte*>(std::aligned_alloc(4096, 4096));
    bool provided = true;
    {
        const std::shared_ptr<const void> provider(&provided, [](bool* there) { *there = false; });
        gup::prep_read_fixed(
            s.ring.entry(), 3,
            gup::get_user_pages<both_ways>(*s.d, std::span(memory, 4096), {.keep_alive = provider}), 0);
    }
    close(s.ring);
    s.p.reset();
    s.d.reset(); // the registry of such memory has a handle of its own, which is none of the program's
    REQUIRE(s.leaks.heard.size() == 1);
    CHECK(s.leaks.heard[0].range.data() == memory);
    CHECK(provided);
    std::free(memory);
}

TEST_CASE("a page that only its own thread may count is kept if the last handle goes on another") {
    const gup_test::leak_on_purpose the_pool_lives_on;
    scene<gup::local<domain>> s;
    const auto* const address = s.read();
    close(s.ring);
    s.p.reset();
    bool other_thread = false;
    SECTION("on another") { other_thread = true; }
    SECTION("on its own") {}
    if (other_thread)
        gup_test::on_another_thread([&] { s.d.reset(); });
    else
        s.d.reset();
    CHECK(s.leaks.heard.size() == (other_thread ? 1U : 0U));
    CHECK(gup_test::is_mapped(address) == other_thread);
}

TEST_CASE("a page of several domains comes back from the ring of one of them") {
    const fresh_kernel kernel;
    const leak_listener leaks;
    stub_ring ring;
    const std::byte* address = nullptr;
    {
        using both = gup::domains<domain, gup_test::pretend_domain<pretend_rings>>;
        gup::page_pool<both> pages(both(domain(ring.handle()), {}), gup_test::small(2));
        auto page = gup::get_user_page(pages);
        address = page.bytes().data();
        gup::prep_read_fixed(ring.entry(), 3, std::move(page), 0);
        close(ring);
    }
    CHECK(leaks.heard.empty());
    CHECK_FALSE(gup_test::is_mapped(address));
}

TEST_CASE("an operation that nobody could complete is not prepared") {
    scene s;
    auto page = gup::get_user_page(*s.p);
    s.d.reset();
    s.p.reset();
    std::error_code error;
    gup::prep_read_fixed(s.ring.entry(), 3, std::move(page), 0, {}, error);
    CHECK(error == std::errc::invalid_argument);
    CHECK(contains(gup_test::what_of([&] { gup::prep_read_fixed(s.ring.entry(), 3, std::move(page), 0); }),
                   "keep the domain or its pool"));
    REQUIRE(page);
    auto token = gup::prep_read_fixed(s.ring.entry(), 3, std::move(page), 0, {.user_data = 1});
    page = gup::complete(std::move(token), gup_test::made_up(1)); // who has a token needs no handle
    CHECK(page);
}
