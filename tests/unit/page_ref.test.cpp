// SPDX-License-Identifier: BSL-1.0
#include "gup/page_ref.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

using namespace gup_test;

TEST_CASE("an ordinary reference gives the page to the CPU and pins nothing") {
    auto pool = pool_of(2, 8192);

    auto ref = gup::get_page(pool);
    ref.bytes().back() = std::byte{9};

    CHECK(ref.size() == 8192);
    CHECK(ref.bytes().size() == 8192);
    CHECK_FALSE(gup::page_maybe_dma_pinned(ref));
    CHECK(pool.stats().pinned == 0);
    CHECK(pool.stats().free == 1);
    gup::put_page(std::move(ref));
    CHECK_FALSE(ref);
    CHECK(pool.stats().free == 2);
}

TEST_CASE("a second ordinary reference is to the same page and keeps it") {
    auto pool = pool_of(1);
    auto first = gup::get_page(pool);
    first.bytes()[0] = std::byte{7};

    auto second = gup::get_page(first);
    gup::put_page(std::move(first));

    CHECK(pool.stats().free == 0);
    CHECK(second.bytes()[0] == std::byte{7});
    gup::put_page(std::move(second));
    CHECK(pool.stats().free == 1);
}

TEST_CASE("dropping an ordinary reference puts it and does not make the page dirty") {
    auto pool = pool_of(1);
    const auto keep = gup::get_page(pool);
    {
        const auto dropped = gup::get_page(keep);
        CHECK(pool.stats().free == 0);
    }
    CHECK_FALSE(gup::page_dirty(keep));
}

TEST_CASE("a moved ordinary reference leaves its source empty") {
    auto pool = pool_of(2);
    auto first = gup::get_page(pool);
    const void* const page = first.bytes().data();

    plain_ref second(std::move(first));
    CHECK_FALSE(first);
    CHECK(second.bytes().data() == page);
    plain_ref third = gup::get_page(pool);
    third = std::move(second); // puts the page that it held

    CHECK_FALSE(second);
    CHECK(third.bytes().data() == page);
    CHECK(pool.stats().free == 1);
}

TEST_CASE("an ordinary reference moved onto itself stays") {
    auto pool = pool_of(1);
    auto ref = gup::get_page(pool);
    auto& same = ref;

    ref = std::move(same);

    CHECK(ref);
    CHECK(pool.stats().free == 0);
}

TEST_CASE("swapped ordinary references exchange their pages") {
    auto pool = pool_of(2);
    auto first = gup::get_page(pool);
    auto second = gup::get_page(pool);
    const auto* const memory = first.bytes().data();

    swap(first, second);

    CHECK(second.bytes().data() == memory);
    CHECK(first.bytes().data() != memory);
    CHECK(pool.stats().free == 0);
}

TEST_CASE("an empty ordinary reference can be dropped and moved") {
    plain_ref empty;
    plain_ref moved = std::move(empty);
    empty = std::move(moved);

    CHECK_FALSE(empty);
    CHECK_FALSE(moved);
}

TEST_CASE("an exhausted pool says how many pages are out to who wants an ordinary reference") {
    auto pool = pool_of(2);
    const auto one = gup::get_page(pool);
    const auto two = gup::get_user_page(pool);

    const std::string said = what_of([&] { static_cast<void>(gup::get_page(pool)); });

    CHECK(contains(said, "get_page"));
    CHECK(contains(said, "2 of 2 pages are out and 1 more wanted"));
}
