// SPDX-License-Identifier: BSL-1.0
#include "gup/maybe.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"

using namespace gup_test;

TEST_CASE("a maybe is nothing, or has a reference, which can be used and put") {
    auto pool = pool_of(1);

    auto page = gup::try_get_user_page(pool);
    const auto nothing = gup::try_get_user_page(pool);

    REQUIRE(page);
    CHECK(page.has_value());
    CHECK_FALSE(nothing);
    CHECK_FALSE(nothing.has_value());
    CHECK(page->size() == 4096);
    CHECK((*page).bytes().data() == page.value().bytes().data());
    gup::put_user_page(*std::move(page), gup::clean);
    CHECK(pool.stats().free == 1);
}

TEST_CASE("a maybe whose reference was moved out has none any more") {
    auto pool = pool_of(1);
    auto page = gup::try_get_user_page(pool);

    gup::put_user_page(std::move(*page), gup::clean);
    CHECK_FALSE(page);

    page = gup::try_get_user_page(pool);
    const auto taken = std::move(page);
    CHECK_FALSE(page); // NOLINT: that is what is asked
    CHECK(taken);
}

TEST_CASE("a maybe takes a reference, and drops the one that it has") {
    auto pool = pool_of(2);
    gup::maybe<writer_ref> page;
    CHECK_FALSE(page);

    page = gup::get_user_page(pool);
    page = gup::get_user_page(pool);
    CHECK(pool.stats().free == 1);

    page.reset();
    CHECK_FALSE(page);
    CHECK(pool.stats().free == 2);

    page = writer_ref();
    CHECK_FALSE(page);
}

TEST_CASE("the value of nothing ends the program and says why") {
    const auto child = in_child([] {
        gup::maybe<writer_ref> nothing;
        return static_cast<int>(nothing.value().size());
    });

    CHECK(child.terminated());
    CHECK(child.said_that("gup: a gup::maybe without a reference was used"));
}
