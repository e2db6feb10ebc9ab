// SPDX-License-Identifier: BSL-1.0
// Getting and putting several pages at once.
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <functional>
#include <set>

using namespace gup_test;

namespace {

/// True if the references are to as many different pages, each pinned once.
bool distinct(const std::vector<writer_ref>& refs) {
    std::set<const void*> pages;
    for (const auto& ref : refs) pages.insert(ref.bytes().data());
    return pages.size() == refs.size();
}

} // namespace

TEST_CASE("several pages are got at once and each is another one") {
    for (const std::size_t n : {1U, 2U, 63U, 64U, 65U, 128U, 129U, 200U}) {
        auto pool = pool_of(200);

        auto refs = gup::get_user_pages(pool, n);

        CHECK(refs.size() == n);
        CHECK(distinct(refs));
        CHECK(pool.stats().pinned == n);
        CHECK(pool.stats().free == 200 - n);
        gup::put_user_pages(std::move(refs), gup::clean);
        CHECK(refs.empty());
        CHECK(pool.stats().free == 200);
    }
}

TEST_CASE("no pages at all can always be got") {
    auto pool = pool_of(1);
    const auto only = gup::get_user_page(pool);
    std::span<writer_ref> none;

    CHECK(gup::get_user_pages(pool, 0).empty());
    CHECK(gup::try_get_user_pages(pool, none));
    gup::put_user_pages(none, gup::dirty);
    CHECK(pool.stats().pinned == 1);
}

TEST_CASE("more pages than the pool has are refused before anything is allocated or taken") {
    auto pool = pool_of(4);

    const std::string said = what_of([&] { static_cast<void>(gup::get_user_pages(pool, SIZE_MAX / 2)); });

    CHECK(contains(said, "get_user_pages"));
    CHECK(contains(said, "0 of 4 pages are out"));
    CHECK(contains(said, std::to_string(SIZE_MAX / 2) + " more wanted"));
    CHECK(pool.stats().free == 4);
}

TEST_CASE("too few pages means that none is taken") {
    for (const std::size_t pages : {6U, 64U, 70U, 150U, 300U}) {
        auto pool = pool_of(pages);
        auto held = gup::get_user_pages(pool, pages / 2);
        const std::size_t left = pages - held.size();

        CHECK_THROWS_AS(gup::get_user_pages(pool, left + 1), gup::pin_error);
        CHECK(pool.stats().free == left);
        CHECK(pool.stats().pinned == held.size());
        std::vector<writer_ref> wanted(left + 1);
        CHECK_FALSE(gup::try_get_user_pages(pool, std::span(wanted)));
        for (const auto& ref : wanted) CHECK_FALSE(ref);
        CHECK(gup::get_user_pages(pool, left).size() == left);
    }
}

TEST_CASE("a refused request leaves the references that the span holds already") {
    auto pool = pool_of(3);
    std::vector<writer_ref> refs(4);
    refs[0] = gup::get_user_page(pool);
    const void* const before = refs[0].bytes().data();

    CHECK_FALSE(gup::try_get_user_pages(pool, std::span(refs)));

    REQUIRE(refs[0]);
    CHECK(refs[0].bytes().data() == before);
    CHECK(pool.stats().free == 2);
}

TEST_CASE("references that a filled span held before are dropped dirty") {
    auto pool = pool_of(200);
    for (const std::size_t n : {2U, 100U}) {
        std::vector<writer_ref> refs(n);
        refs[0] = gup::get_user_page(pool);
        const auto watch = gup::find_get_page(pool, refs[0].bytes().data());
        REQUIRE(watch.has_value());

        gup::get_user_pages(pool, std::span(refs));

        CHECK(gup::page_dirty(*watch));
        CHECK_FALSE(gup::page_maybe_dma_pinned(*watch));
        CHECK(distinct(refs));
        CHECK(pool.stats().pinned == n);
    }
}

TEST_CASE("pages in other threads' caches count for a bulk request") {
    for (const std::size_t pages : {32U, 300U}) {
        auto pool = pool_of(pages);
        const lingering_thread first(pool);
        const lingering_thread second(pool);

        CHECK(gup::get_user_pages(pool, pages).size() == pages);
    }
}

TEST_CASE("of two threads that both want most of a pool one is served every time") {
    constexpr int rounds = 30;
    auto pool = pool_of(100000);
    std::barrier<> together(2);
    std::atomic<int> served{0};
    const auto want_most = [&](int& unserved_rounds) {
        std::vector<writer_ref> refs(70000);
        for (int round = 1; round <= rounds; ++round) {
            together.arrive_and_wait();
            if (gup::try_get_user_pages(pool, std::span(refs))) ++served;
            together.arrive_and_wait();
            if (served != round) ++unserved_rounds;
            together.arrive_and_wait();
            served = round;
            gup::put_user_pages(std::span(refs), gup::clean);
        }
    };
    int seen_here = 0;
    int seen_there = 0;

    std::thread other(want_most, std::ref(seen_there));
    want_most(seen_here);
    other.join();

    CHECK(seen_here == 0);
    CHECK(seen_there == 0);
}

TEST_CASE("a batch put passes over empty references") {
    auto pool = pool_of(8);
    std::vector<writer_ref> refs(6);
    refs[1] = gup::get_user_page(pool);
    refs[4] = gup::get_user_page(pool);

    gup::put_user_pages(std::span(refs), gup::clean);

    for (const auto& ref : refs) CHECK_FALSE(ref);
    CHECK(pool.stats().free == 8);
}

TEST_CASE("a batch put gives each page back to its own pool") {
    for (const std::size_t pages : {40U, 2000U}) { // with a little and with much room in the thread's caches
        auto one = pool_of(pages);
        auto two = pool_of(pages);
        std::vector<writer_ref> refs;
        for (int i = 0; i < 40; ++i) {
            refs.push_back(gup::get_user_page(i % 3 == 0 ? one : two));
            if (i % 7 == 0) refs.emplace_back();
        }

        gup::put_user_pages(std::move(refs), gup::dirty);

        CHECK(one.stats().free == pages);
        CHECK(two.stats().free == pages);
        CHECK(gettable(one) == pages);
        CHECK(gettable(two) == pages);
    }
}

TEST_CASE("a batch put keeps pages that somebody else holds") {
    for (const bool with_lookups : {false, true}) {
        auto pool = pool_of(16);
        auto refs = gup::get_user_pages(pool, 8);
        auto again = gup::ref_user_page(refs[3]);
        if (with_lookups) CHECK(gup::find_get_page(pool, again.bytes().data()).has_value());

        gup::put_user_pages(std::move(refs), gup::clean);

        CHECK(pool.stats().pinned == 1);
        CHECK(pool.stats().free == 15);
        gup::put_user_page(std::move(again), gup::clean);
        CHECK(pool.stats().free == 16);
    }
}

TEST_CASE("several references to one page can go in one batch") {
    for (const bool with_lookups : {false, true}) {
        auto pool = pool_of(4);
        std::vector<writer_ref> refs;
        refs.push_back(gup::get_user_page(pool));
        for (int i = 0; i < 5; ++i) refs.push_back(gup::ref_user_page(refs[0]));
        if (with_lookups) CHECK(gup::find_get_page(pool, refs[0].bytes().data()).has_value());

        gup::put_user_pages(std::move(refs), gup::clean);

        CHECK(pool.stats().free == 4);
        CHECK(gettable(pool) == 4);
    }
}

TEST_CASE("a batch put marks its pages dirty as it is told") {
    auto pool = pool_of(4);
    for (const gup::put_as decision : {gup::clean, gup::dirty}) {
        auto refs = gup::get_user_pages(pool, 4);
        std::vector<plain_ref> keep;
        for (const auto& ref : refs) keep.push_back(*gup::find_get_page(pool, ref.bytes().data()));
        refs[2] = {}; // dropped, so dirty whatever the others are

        gup::put_user_pages(std::move(refs), decision);

        int dirty = 0;
        for (const auto& ref : keep) dirty += gup::page_dirty(ref);
        CHECK(dirty == (decision == gup::dirty ? 4 : 1));
    }
}

TEST_CASE("a batch of read references is put without a decision") {
    auto pool = pool_of(4);
    std::vector<reader_ref> refs;
    {
        const auto writer = gup::get_user_page(pool);
        for (int i = 0; i < 3; ++i) refs.push_back(gup::ref_user_page<gup::dma_access::read>(writer));
    }

    gup::put_user_pages(std::span(refs).first(1));
    CHECK(pool.stats().free == 3);
    gup::put_user_pages(std::move(refs));

    CHECK(pool.stats().free == 4);
}

TEST_CASE("a batch may be larger than a thread's cache") {
    auto pool = pool_of(1000);
    auto refs = gup::get_user_pages(pool, 1000);

    gup::put_user_pages(std::move(refs), gup::clean);

    CHECK(pool.stats().free == 1000);
    std::size_t elsewhere = 0;
    on_another_thread([&] { elsewhere = gup::get_user_pages(pool, 1000).size(); });
    CHECK(elsewhere == 1000);
}

TEST_CASE("arrays are filled and put as they are, and so are spans of a fixed size") {
    auto pool = pool_of(8);
    std::array<writer_ref, 3> refs;

    gup::get_user_pages(pool, refs);
    CHECK(pool.stats().pinned == 3);
    gup::put_user_pages(std::span(refs), gup::dirty);

    CHECK(pool.stats().free == 8);
    CHECK(gup::try_get_user_pages(pool, std::span(refs).first<2>()));
    CHECK(pool.stats().pinned == 2);
    gup::put_user_pages(std::span(refs).first<2>(), gup::clean);
    CHECK(pool.stats().free == 8);
}
