// SPDX-License-Identifier: BSL-1.0
// Releases that only the submitting thread of a ring may make, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/errand_thread.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"
#include "gup_test/watched_memory.hpp"

#include <array>
#include <memory>
#include <thread>

namespace {

using gup_test::contains;
using gup_test::fresh_kernel;
using gup_test::pretend_rings;
using gup_test::range;
using gup_test::stub_ring;
using gup_test::watched_memory;
using gup_test::what_of;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using slots = std::set<unsigned>;

constexpr auto both_ways = gup::dma_access::read_write;

gup::pool_options two_pages() { return gup_test::small(2); }

/// Any call of the domain.
void call(domain& d) { static_cast<void>(gup::try_complete(d, gup_test::made_up(0))); }

} // namespace

TEST_CASE("what only the submitting thread may release waits for its next call, whichever thread that is") {
    const fresh_kernel kernel;
    stub_ring ring;
    gup_test::errand_thread submitter; // enables the ring, which another thread made
    domain made(ring.handle());
    auto pages = std::make_unique<pool>(made, two_pages());
    pretend_rings::rings[ring.fd()]->submitter = submitter.id();
    pages.reset();
    call(made);
    CHECK(pretend_rings::slots(ring.fd()) == slots{0});

    submitter.run([&] { call(made); });
    CHECK(pretend_rings::slots(ring.fd()).empty());
}

TEST_CASE("a thread that may not release asks the kernel once, not at every call") {
    const fresh_kernel kernel;
    stub_ring ring;
    const gup_test::errand_thread submitter;
    domain made(ring.handle());
    auto pages = std::make_unique<pool>(made, two_pages());
    pretend_rings::rings[ring.fd()]->submitter = submitter.id();
    pages.reset();
    const auto before = pretend_rings::asked.size();
    for (int i = 0; i < 5; ++i) call(made);
    CHECK(pretend_rings::asked.size() == before);
    pretend_rings::rings[ring.fd()]->submitter = {};
}

TEST_CASE("rings of different threads are released each on its own") {
    const fresh_kernel kernel;
    std::array<stub_ring, 2> rings;
    gup_test::errand_thread submitter;
    gup_test::errand_thread other;
    domain made(rings[0].handle(), rings[1].handle());
    bool gone = false;
    auto pinned = made.pin(range(4096), both_ways);
    pretend_rings::rings[rings[0].fd()]->submitter = std::this_thread::get_id();
    pretend_rings::rings[rings[1].fd()]->submitter = submitter.id();

    other.run([&] { pinned.release(std::make_unique<watched_memory>(gone)); });
    CHECK(pretend_rings::slots(rings[0].fd()) == slots{0});
    CHECK(pretend_rings::slots(rings[1].fd()) == slots{0});
    submitter.run([&] { call(made); });
    CHECK(pretend_rings::slots(rings[0].fd()) == slots{0});
    CHECK(pretend_rings::slots(rings[1].fd()).empty());
    CHECK_FALSE(gone);
    call(made);
    CHECK(pretend_rings::slots(rings[0].fd()).empty());
    CHECK(gone);
}

TEST_CASE("slots of a deferred release are not given away, and are once it is done") {
    const fresh_kernel kernel;
    stub_ring ring;
    gup_test::errand_thread submitter;
    domain made(ring.handle(), {.slots = 1});
    auto pages = std::make_unique<pool>(made, two_pages());
    pretend_rings::rings[ring.fd()]->submitter = submitter.id();
    pages.reset();
    CHECK(contains(what_of([&] { pool(made, two_pages()); }), "no run of 1"));

    submitter.run([&] { CHECK_NOTHROW(pool(made, two_pages())); }); // settles first
}

TEST_CASE("a domain that goes with releases deferred frees the memory and leaves its table to the ring") {
    const fresh_kernel kernel;
    stub_ring ring;
    const gup_test::errand_thread submitter;
    const gup_test::leak_listener leaks;
    bool gone = false;
    {
        domain made(ring.handle());
        auto pinned = made.pin(range(4096), both_ways);
        pretend_rings::rings[ring.fd()]->submitter = submitter.id();
        pinned.release(std::make_unique<watched_memory>(gone));
        CHECK_FALSE(gone);
    }
    CHECK(gone);
    CHECK(leaks.heard.empty());
    CHECK(pretend_rings::duplicates() == 0);
    CHECK(pretend_rings::slots(ring.fd()) == slots{0}); // pinned by the kernel until the ring goes
}
