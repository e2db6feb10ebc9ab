// SPDX-License-Identifier: BSL-1.0
// What the domain asks of the kernel, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/local.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using gup_test::contains;
using gup_test::failure_of;
using gup_test::fresh_kernel;
using gup_test::pretend_rings;
using gup_test::range;
using gup_test::stub_ring;
using gup_test::what_of;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using slots = std::set<unsigned>;

constexpr std::size_t gib = std::size_t{1} << 30;

constexpr auto both_ways = gup::dma_access::read_write;

gup::pool_options two_pages() { return gup_test::small(2); }

long asked(unsigned opcode) {
    return std::count(pretend_rings::asked.begin(), pretend_rings::asked.end(), opcode);
}

} // namespace

TEST_CASE("a domain makes a table on its ring and takes it away again") {
    const fresh_kernel kernel;
    stub_ring ring;
    {
        const domain made(ring.handle(), {.slots = 7});
        CHECK(pretend_rings::rings[ring.fd()]->table->size() == 7);
        CHECK(pretend_rings::duplicates() == 0);
    }
    CHECK_FALSE(pretend_rings::rings[ring.fd()]->table);
}

TEST_CASE("a kernel without sparse tables gets one of empty buffers") {
    const fresh_kernel kernel;
    pretend_rings::knows_sparse = false;
    stub_ring ring;
    const domain made(ring.handle(), {.slots = 7});
    CHECK(pretend_rings::rings[ring.fd()]->table->size() == 7);
}

TEST_CASE("copies of a domain are handles to one table, which goes with the last") {
    const fresh_kernel kernel;
    stub_ring ring;
    auto first = std::make_unique<domain>(ring.handle());
    const domain second = *first;
    CHECK(second == *first);
    first.reset();
    CHECK(pretend_rings::rings[ring.fd()]->table);
}

TEST_CASE("the largest table and sixteen rings are accepted") {
    const fresh_kernel kernel;
    std::array<stub_ring, 16> rings;
    std::vector<io_uring*> handles;
    for (auto& ring : rings) handles.push_back(&ring.handle());
    gup::pin_failure failure;
    auto made = domain::try_make(handles, {.slots = 1U << 14}, failure);
    REQUIRE(made);
    const auto pinned = made->pin(range(4096), both_ways);
    for (const auto& ring : rings) CHECK(pretend_rings::slots(ring.fd()) == slots{0});
}

TEST_CASE("a table that was lent is used from the named slot on and stays") {
    const fresh_kernel kernel;
    stub_ring ring;
    auto& table = pretend_rings::rings[ring.fd()]->table;
    table.emplace(6);
    (*table)[0] = std::make_shared<const iovec>(iovec{&ring, 64});
    {
        domain made(ring.handle(), {.slots = 4, .first_slot = 2});
        const auto one = made.pin(range(4096), both_ways);
        const auto two = made.pin(range(gib + 4096, 0x6000'0000'0000), both_ways);
        CHECK(pretend_rings::slots(ring.fd()) == slots{0, 2, 3, 4});
        CHECK(contains(what_of([&] { static_cast<void>(made.pin(range(gib + 1), both_ways)); }),
                       "no run of 2"));
    }
    CHECK(pretend_rings::slots(ring.fd()) == slots{0});
}

TEST_CASE("a range is one buffer, split only at whole GiB") {
    const fresh_kernel kernel;
    stub_ring ring;
    domain made(ring.handle());
    const auto takes = [&](std::size_t bytes) {
        const auto pinned = made.pin(range(bytes), both_ways);
        CHECK(pinned.bytes() == bytes);
        CHECK(pretend_rings::pinned() == bytes);
        CHECK(pretend_rings::slots(ring.fd()).size() == pinned.slots());
        return pinned.slots();
    };
    CHECK(takes(1) == 1);
    CHECK(takes(4096) == 1);
    CHECK(takes(gib) == 1);
    CHECK(takes(gib + 1) == 2);
    CHECK(takes(2 * gib) == 2);
    CHECK(takes(5 * gib + 4096) == 6);
    CHECK(pretend_rings::pinned() == 0);
}

TEST_CASE("a range that is empty or wraps is refused") {
    const fresh_kernel kernel;
    stub_ring ring;
    domain made(ring.handle());
    gup::pin_failure failure;
    CHECK_FALSE(made.try_pin({}, both_ways, failure));
    CHECK(contains(failure.remedy, "empty"));
    CHECK_FALSE(made.try_pin(range(4096, ~std::uintptr_t{4094}), both_ways, failure));
    CHECK(contains(failure.remedy, "wraps"));
    CHECK(failure.code == std::errc::invalid_argument);
    CHECK(asked(IORING_REGISTER_BUFFERS_UPDATE) == 0);
}

TEST_CASE("pools share the slots of a domain, and slots are used again") {
    const fresh_kernel kernel;
    stub_ring ring;
    domain made(ring.handle(), {.slots = 3});
    auto one = std::make_unique<pool>(made, two_pages());
    auto two = std::make_unique<pool>(made, two_pages());
    auto three = std::make_unique<pool>(made, two_pages());
    CHECK(two->stats().slots == 1);
    CHECK(two->stats().bytes_registered == 8192);

    const auto failure = failure_of([&] { pool(made, two_pages()); });
    CHECK(failure.code.value() == ENOSPC);
    CHECK(contains(failure.remedy, "raise io_uring_options::slots"));
    two.reset();
    CHECK(pretend_rings::slots(ring.fd()) == slots{0, 2});
    const pool again(made, two_pages());
    CHECK(pretend_rings::slots(ring.fd()) == slots{0, 1, 2});
}

TEST_CASE("a second ring shares the registration of the first by cloning it") {
    const fresh_kernel kernel;
    std::array<stub_ring, 3> rings;
    domain made(rings[0].handle(), rings[1].handle(), rings[2].handle());
    const auto pinned = made.pin(range(gib + 4096), both_ways);

    for (const auto& ring : rings) CHECK(pretend_rings::slots(ring.fd()) == slots{0, 1});
    CHECK(pretend_rings::pinned() == gib + 4096);
    CHECK(asked(IORING_REGISTER_BUFFERS_UPDATE) == 2);
}

TEST_CASE("a kernel that cannot clone registers on every ring") {
    const fresh_kernel kernel;
    pretend_rings::can_clone = false;
    std::array<stub_ring, 3> rings;
    domain made(rings[0].handle(), rings[1].handle(), rings[2].handle());
    {
        const auto pinned = made.pin(range(gib + 4096), both_ways);
        for (const auto& ring : rings) CHECK(pretend_rings::slots(ring.fd()) == slots{0, 1});
        CHECK(pretend_rings::pinned() == 3 * (gib + 4096));
    }
    CHECK(pretend_rings::pinned() == 0);
}

TEST_CASE("a registration moves with its pin") {
    const fresh_kernel kernel;
    stub_ring ring;
    domain made(ring.handle());
    auto one = made.pin(range(4096), both_ways);
    auto two = made.pin(range(8192, 0x6000'0000'0000), both_ways);

    domain::registration moved = std::move(one);
    CHECK(one.bytes() == 0);
    CHECK(one.slots() == 0);
    CHECK(moved.bytes() == 4096);
    moved = std::move(two);
    CHECK(pretend_rings::pinned() == 8192);
    moved = {};
    CHECK(pretend_rings::pinned() == 0);
}

TEST_CASE("the errno of a refusal becomes advice") {
    const fresh_kernel kernel;
    stub_ring ring;
    domain made(ring.handle());
    const auto advice = [&](int error) {
        pretend_rings::refuse = error;
        const auto failure = failure_of([&] { static_cast<void>(made.pin(range(4096), both_ways)); });
        CHECK(failure.code.value() == error);
        CHECK(failure.range.size() == 4096);
        CHECK(contains(failure.call, "IORING_REGISTER_BUFFERS_UPDATE"));
        return failure.remedy;
    };
    CHECK(contains(advice(EFAULT), "memfd_secret"));
    CHECK(contains(advice(EOPNOTSUPP), "DAX"));
    CHECK(contains(advice(EEXIST), "SINGLE_ISSUER"));
    CHECK(contains(advice(ENXIO), "table is gone"));
    CHECK_FALSE(advice(ENOMEM).empty());
    CHECK(pretend_rings::slots(ring.fd()).empty());
}

TEST_CASE("a local domain is the same domain with pages counted on one thread") {
    const fresh_kernel kernel;
    using local_domain = gup::local<domain>;
    stub_ring ring;
    local_domain made(ring.handle());
    gup::page_pool<local_domain> pages(made, two_pages());
    auto ref = gup::get_user_page(pages);
    io_uring_sqe& entry = ring.entry();
    gup::prep_write_fixed(entry, 3, std::move(ref), 0);

    gup::user_page_ref<local_domain> back = gup::complete(made, gup_test::made_up(entry.user_data, 4096));
    gup::put_user_page(std::move(back), gup::clean);
}
