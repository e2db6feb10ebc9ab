// SPDX-License-Identifier: BSL-1.0
// Spaces on a kernel that refuses: nothing is half done; and the fast way asks it for nothing.
#include "gup/address_space.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/pools.hpp"

#include <utility>

using namespace gup_test;

namespace {

struct space_test;
using account = failing_kernel<gup::system_kernel, space_test>;
using domain = pretend_domain<account>;

} // namespace

TEST_CASE("a name whose proxy cannot be made is as it was") {
    account::plan_nothing();
    gup::page_pool<domain> pool(domain{}, small(3));
    gup::address_space<domain> names(pool);
    names.insert(1, gup::get_page(pool));
    names.share(1, names, 2);
    account::plan_nothing();
    const auto look = [&] { static_cast<void>(gup::find_get_page(names, 1)); };
    const auto pin = [&] { static_cast<void>(gup::find_get_user_page(names, 1)); };
    for (int call = 1; call <= 2; ++call) {
        account::plan(call, ENOMEM, failing::from_then_on);
        CHECK(failure_of(look).code == std::errc::not_enough_memory);
        CHECK(failure_of(pin).code == std::errc::not_enough_memory);
    }
    account::plan_nothing();
    CHECK(names.size() == 2);
    CHECK(pool.stats().pinned == 0);
    CHECK(pool.stats().free == 2);
    auto pinned = gup::find_get_user_page(names, 1);
    CHECK(pool.stats().free == 1);
    gup::put_user_page(std::move(*pinned), gup::clean);
    CHECK(names.remove(1));
    CHECK(names.remove(2));
    CHECK(pool.stats().free == 3);
}

TEST_CASE("the fast way makes no system call") {
    account::plan_nothing();
    gup::page_pool<domain> pool(domain{}, small(3));
    gup::address_space<domain> names(pool);
    names.insert(1, gup::get_page(pool));
    static_cast<void>(gup::find_get_page(names, 1));
    account::plan_nothing();

    for (int i = 0; i < 100; ++i) {
        auto pinned = gup::get_user_page_fast(names, 1);
        REQUIRE(pinned.has_value());
        gup::put_user_page(std::move(*pinned), gup::clean);
        CHECK_FALSE(gup::get_user_page_fast(names, 2).has_value());
    }

    CHECK(account::calls == 0);
}

TEST_CASE("what a space has mapped goes with it") {
    account::plan_nothing();
    gup::page_pool<domain> pool(domain{}, small(3));
    static_cast<void>(gup::get_page(pool)); // the thread's cache of pages
    const std::size_t before = account::mapped.bytes();
    {
        gup::address_space<domain> names(pool);
        names.insert(1, gup::get_page(pool));
        for (std::uint64_t index = 2; index < 1000; ++index) names.share(1, names, index);
        for (std::uint64_t index = 1; index < 1000; ++index)
            static_cast<void>(gup::find_get_page(names, index));
        CHECK(account::mapped.bytes() > before);
    }
    CHECK(account::mapped.bytes() == before);
    CHECK(pool.stats().free == 3);
}

TEST_CASE("a space that was moved from has no names to use, and takes over others") {
    gup::page_pool<domain> pool(domain{}, small(3));
    gup::address_space<domain> from(pool), to(pool);
    from.insert(1, gup::get_page(pool));
    to.insert(2, gup::get_page(pool));
    auto found = gup::find_get_page(to, 2);

    to = std::move(from);
    CHECK(to.size() == 1);
    found.reset();
    CHECK(pool.stats().free == 2); // the names before have gone

    for (const bool by_verb : {false, true}) {
        const auto child = in_child([&] {
            if (by_verb) static_cast<void>(gup::find_get_page(from, 1));
            return static_cast<int>(from.size());
        });
        CHECK(child.terminated());
        CHECK(child.said_that("an address_space was used after it had been moved from"));
    }
    from = std::move(to);
    CHECK(from.size() == 1);
    auto& same = from;
    from = std::move(same);
    CHECK(from.remove(1));
}
