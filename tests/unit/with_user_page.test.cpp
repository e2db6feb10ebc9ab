// SPDX-License-Identifier: BSL-1.0
#include "gup/with_user_page.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <stdexcept>

using namespace gup_test;

TEST_CASE("a page is lent to a function that decides its put") {
    auto pool = pool_of(1);
    gup::page_ref<pretended> keep;
    const auto lend = [&](gup::put_as decision) {
        gup::with_user_page(pool, [&](const writer_ref& page) {
            CHECK(pool.stats().pinned == 1);
            keep = *gup::find_get_page(pool, page.bytes().data());
            return decision;
        });
    };

    lend(gup::clean);
    CHECK(pool.stats().pinned == 0);
    CHECK_FALSE(gup::page_dirty(keep));
    keep = {};
    lend(gup::dirty);
    CHECK(gup::page_dirty(keep));
}

TEST_CASE("a page lent to a function that throws is put dirty") {
    auto pool = pool_of(1);
    gup::page_ref<pretended> keep;

    CHECK_THROWS_AS(gup::with_user_page(pool,
                                        [&](const writer_ref& page) -> gup::put_as {
                                            keep = *gup::find_get_page(pool, page.bytes().data());
                                            throw std::runtime_error("out of the function");
                                        }),
                    std::runtime_error);

    CHECK(pool.stats().pinned == 0);
    CHECK(gup::page_dirty(keep));
}

TEST_CASE("a function that is lent a page to read decides nothing") {
    gup::page_pool<pretended, gup::dma_access::read> pool(pretended{}, small(2));
    std::size_t seen = 0;

    gup::with_user_page(pool, [&](const reader_ref& page) { seen += page.size(); });
    gup::with_user_pages(pool, 2, [&](std::span<const reader_ref> pages) { seen += pages.size(); });

    CHECK(seen == 4096 + 2);
    CHECK(pool.stats().free == 2);
}

TEST_CASE("several pages are lent with one decision") {
    auto pool = pool_of(3);
    std::vector<plain_ref> keep;

    gup::with_user_pages(pool, 2, [&](std::span<const writer_ref> pages) {
        for (const auto& page : pages) keep.push_back(*gup::find_get_page(pool, page.bytes().data()));
        return gup::dirty;
    });

    REQUIRE(keep.size() == 2);
    CHECK(gup::page_dirty(keep[0]));
    CHECK(gup::page_dirty(keep[1]));
    CHECK(pool.stats().pinned == 0);
}

TEST_CASE("several pages lent to a function that throws are put dirty") {
    auto pool = pool_of(2);
    plain_ref keep;

    CHECK_THROWS_AS(gup::with_user_pages(pool, 2,
                                         [&](std::span<const writer_ref> pages) -> gup::put_as {
                                             keep = *gup::find_get_page(pool, pages[1].bytes().data());
                                             throw std::runtime_error("out of the function");
                                         }),
                    std::runtime_error);

    CHECK(gup::page_dirty(keep));
    CHECK(pool.stats().pinned == 0);
}

TEST_CASE("a function is not called if there are no pages to lend") {
    auto pool = pool_of(1);
    bool called = false;

    const auto said = what_of([&] {
        gup::with_user_pages(pool, 2, [&](std::span<const writer_ref>) {
            called = true;
            return gup::clean;
        });
    });

    CHECK(contains(said, "0 of 1 pages are out"));
    CHECK_FALSE(called);
    CHECK(pool.stats().free == 1);
}
