// SPDX-License-Identifier: BSL-1.0
// Pools that end before their pages do, threads that end before their pools do, and the other way round.
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <optional>

using namespace gup_test;

TEST_CASE("a closed pool releases its pin once and at once if no page is out") {
    pretended domain;
    {
        pretended_pool pool(domain, small(100));
        gup::put_user_pages(gup::get_user_pages(pool, 100), gup::clean);
    }
    CHECK(domain.log->pins == 1);
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a closed pool lives on until its last reference of any kind is put") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(4));
    auto writer = gup::get_user_page(*pool);
    auto reader = gup::ref_user_page<gup::dma_access::read>(writer);
    auto plain = gup::get_page(*pool);
    writer.bytes()[0] = std::byte{5};

    pool.reset();

    CHECK(domain.log->releases == 0);
    CHECK(reader.bytes()[0] == std::byte{5});
    writer.bytes()[1] = std::byte{6};
    auto more = gup::get_user_page(plain);
    more.bytes()[4095] = std::byte{7};
    gup::put_page(std::move(plain));
    gup::put_user_page(std::move(writer), gup::dirty);
    gup::put_user_page(std::move(reader));
    CHECK(domain.log->releases == 0);
    CHECK(more.bytes()[4095] == std::byte{7});
    gup::put_user_page(std::move(more), gup::dirty);
    CHECK(domain.log->releases == 1);
}

TEST_CASE("the last put of a closed pool may come from any thread") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(4));
    auto refs = gup::get_user_pages(*pool, 4);

    pool.reset();
    gup::put_user_page(std::move(refs[0]), gup::clean);
    on_another_thread([&refs] { gup::put_user_pages(std::move(refs), gup::clean); });

    CHECK(domain.log->releases == 1);
}

TEST_CASE("a batch put ends a closed pool in its midst") {
    pretended one;
    pretended two;
    std::vector<writer_ref> refs;
    {
        pretended_pool closing(one, small(2));
        pretended_pool other(two, small(2));
        for (int i = 0; i < 2; ++i) refs.push_back(gup::get_user_page(closing));
        for (int i = 0; i < 2; ++i) refs.push_back(gup::get_user_page(other));
    }
    CHECK(one.log->releases + two.log->releases == 0);

    gup::put_user_pages(std::move(refs), gup::clean);

    CHECK(one.log->releases == 1);
    CHECK(two.log->releases == 1);
}

TEST_CASE("pages that a thread left in its cache are found when it has ended") {
    auto pool = pool_of(200);
    on_another_thread([&] { gup::put_user_pages(gup::get_user_pages(pool, 60), gup::clean); });

    CHECK(pool.stats().free == 200);
    CHECK(gettable(pool) == 200);
}

TEST_CASE("pages in the caches of living threads are found before a pool is called exhausted") {
    for (const std::size_t pages : {12U, 256U}) {
        auto pool = pool_of(pages);
        const lingering_thread one(pool);
        const lingering_thread two(pool);
        const lingering_thread three(pool);

        CHECK(pool.stats().free == pages);
        CHECK(gettable(pool) == pages);
    }
}

TEST_CASE("a pool of twelve pages serves four threads until all twelve are out") {
    auto pool = pool_of(12);
    std::vector<writer_ref> refs;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::unique_ptr<lingering_thread<pretended_pool>>> threads;
        for (int i = 0; i < 3; ++i)
            threads.push_back(std::make_unique<lingering_thread<pretended_pool>>(pool));
        for (int i = 0; i < 4; ++i) refs.push_back(gup::get_user_page(pool));
        if (round < 2) continue;
        CHECK_FALSE(gup::try_get_user_page(pool).has_value());
    }
    CHECK(refs.size() == 12);
}

TEST_CASE("a thread may end after a pool whose pages it cached") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(100));
    {
        const lingering_thread other(*pool);
        pool.reset();
        CHECK(domain.log->releases == 1); // the thread's cache does not keep the pool
    }
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a thread that outlives many pools forgets their caches and uses new ones") {
    for (int i = 0; i < 50; ++i) {
        auto pool = pool_of(100);
        auto next = pool_of(100);
        gup::put_user_page(gup::get_user_page(pool), gup::clean);
        gup::put_user_page(gup::get_user_page(next), gup::clean);
        CHECK(pool.stats().free == 100);
    }
    int caches = 0;
    for (auto* m = gup::detail::this_thread_magazines.all; m != nullptr; m = m->next_of_thread) ++caches;
    CHECK(caches <= 4);
}

TEST_CASE("a reference held by a thread's own storage is put after the thread's cache has gone") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(8));
    on_another_thread([&] {
        static thread_local writer_ref late; // constructed before the cache, so destroyed after it
        late = {};
        late = gup::get_user_page(*pool);
    });

    CHECK(gettable(*pool) == 8);
    pool.reset();
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a closed pool ends with the thread whose own storage holds its last page") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(8));
    on_another_thread([&] {
        static thread_local writer_ref late;
        late = {};
        late = gup::get_user_page(*pool);
        pool.reset();
        CHECK(domain.log->releases == 0);
    });

    CHECK(domain.log->releases == 1);
}
