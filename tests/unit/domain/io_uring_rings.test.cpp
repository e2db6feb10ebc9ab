// SPDX-License-Identifier: BSL-1.0
// Domains of several rings, as many as there can be: whose an entry is, and whose a completion.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/errand_thread.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <rapidcheck.h>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using gup_test::made_up;
using gup_test::pretend_rings;
using gup_test::stub_ring;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;

constexpr std::size_t most = 16;
constexpr std::uint64_t one_ring = std::uint64_t{1} << 20; // in a user_data

/// A domain of rings in this order, which is not that of their addresses.
struct crowd {
    explicit crowd(const std::vector<std::size_t>& order) {
        std::vector<io_uring*> handles;
        for (const std::size_t place : order) handles.push_back(&rings[place].handle());
        made = std::make_unique<domain>(handles, gup::io_uring_options{});
        pages = std::make_unique<pool>(*made, gup_test::small(4));
    }
    gup_test::fresh_kernel kernel;
    std::array<stub_ring, most> rings;
    std::unique_ptr<domain> made;
    std::unique_ptr<pool> pages;
};

std::vector<std::size_t> all_in_order() {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < most; ++i) order.push_back(i * 7 % most);
    return order;
}

} // namespace

TEST_CASE("each of sixteen rings takes operations, and completes its own") {
    const auto order = all_in_order();
    crowd c(order);
    for (std::size_t number = 0; number < most; ++number) {
        io_uring_sqe& entry = c.rings[order[number]].entry();
        gup::prep_read_fixed(entry, 3, gup::get_user_page(*c.pages), 0);
        CHECK((entry.user_data / one_ring) % most == number);
        CHECK_FALSE(gup::try_complete(*c.made, made_up(entry.user_data ^ one_ring)));
        CHECK(gup::complete(*c.made, made_up(entry.user_data)));
        CHECK_FALSE(gup::try_complete(*c.made, made_up(entry.user_data)));
    }
    CHECK(c.pages->stats().in_flight == 0);
}

TEST_CASE("the completion of a ring that the domain does not have is refused") {
    crowd c({3, 1});
    io_uring_sqe& entry = c.rings[3].entry();
    gup::prep_read_fixed(entry, 3, gup::get_user_page(*c.pages), 0);
    for (std::uint64_t ring = 1; ring < most; ++ring) {
        const auto foreign = made_up(entry.user_data + ring * one_ring);
        CHECK_FALSE(gup::owns(*c.made, foreign));
        CHECK_FALSE(gup::try_complete(*c.made, foreign));
    }
    CHECK(gup::complete(*c.made, made_up(entry.user_data)));
}

TEST_CASE("an entry is of the ring in whose queue it lies, or of none") {
    const bool holds = rc::check([](std::vector<std::size_t> wanted) {
        std::vector<std::size_t> order; // each once
        for (const std::size_t place : wanted)
            if (std::ranges::find(order, place % most) == order.end()) order.push_back(place % most);
        if (order.empty()) order.push_back(wanted.size() % most);
        crowd c(order);
        for (std::size_t place = 0; place < most; ++place) {
            const auto number = std::ranges::find(order, place);
            for (unsigned at = 0; at < stub_ring::entries; ++at) {
                io_uring_sqe& entry = c.rings[place].entry();
                std::error_code error;
                gup::prep_write_fixed(entry, 3, gup::get_user_page(*c.pages), 0, {}, error);
                RC_ASSERT((error.value() == EINVAL) == (number == order.end()));
                if (error) continue;
                RC_ASSERT((entry.user_data / one_ring) % most ==
                          static_cast<std::size_t>(number - order.begin()));
                static_cast<void>(gup::take_back(*c.made, entry));
            }
        }
    });
    CHECK(holds);
}

TEST_CASE("what another thread left is settled by whatever this one does next, on any ring") {
    const auto order = all_in_order();
    crowd c(order);
    gup_test::errand_thread other;
    stub_ring& last = c.rings[order[most - 1]];
    io_uring_sqe& entry = last.entry();
    gup::prep_write_fixed(entry, 3, gup::get_user_page(*c.pages), 0);
    const auto leave_something = [&] {
        auto left = std::make_unique<pool>(*c.made, gup_test::small(1));
        pretend_rings::rings[last.fd()]->submitter = std::this_thread::get_id();
        other.run([&] { left.reset(); });
        CHECK(pretend_rings::slots(last.fd()).size() == 2);
    };
    const auto settled = [&] { return pretend_rings::slots(last.fd()).size() == 1; };

    leave_something();
    gup::prep_write_fixed(last.entry(), 3, gup::get_user_page(*c.pages), 0);
    CHECK(settled());
    leave_something();
    CHECK(gup::complete(*c.made, made_up(entry.user_data)));
    CHECK(settled());
    leave_something();
    CHECK_FALSE(gup::try_complete(*c.made, made_up(entry.user_data)));
    CHECK(settled());
    CHECK(gup::take_back(*c.made, last.handle().sq.sqes[1]));
}
