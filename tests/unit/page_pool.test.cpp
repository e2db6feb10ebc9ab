// SPDX-License-Identifier: BSL-1.0
// Making a pool, getting its pages one by one, and what it says about itself.
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <set>

using namespace gup_test;

TEST_CASE("a pool has as many different pages as it was made with") {
    for (const std::size_t pages : {1U, 2U, 63U, 64U, 65U, 129U, 1000U}) {
        auto pool = pool_of(pages);
        std::vector<writer_ref> refs;
        std::set<const void*> addresses;
        while (auto ref = gup::try_get_user_page(pool)) {
            addresses.insert(ref->bytes().data());
            refs.push_back(std::move(*ref));
        }

        CHECK(pool.pages() == pages);
        CHECK(refs.size() == pages);
        CHECK(addresses.size() == pages);
        CHECK(*addresses.rbegin() == static_cast<const std::byte*>(*addresses.begin()) + (pages - 1) * 4096);
    }
}

TEST_CASE("every byte of every page can be written and belongs to one page only") {
    auto pool = pool_of(5, 8192);
    const auto refs = gup::get_user_pages(pool, 5);
    for (std::size_t i = 0; i < refs.size(); ++i)
        for (std::byte& byte : refs[i].bytes()) byte = static_cast<std::byte>(i + 1);

    for (std::size_t i = 0; i < refs.size(); ++i)
        for (const std::byte byte : refs[i].bytes()) REQUIRE(byte == static_cast<std::byte>(i + 1));
}

TEST_CASE("a page that was put is the next to be got") {
    auto pool = pool_of(1);
    for (int i = 0; i < 1000; ++i) gup::put_user_page(gup::get_user_page(pool), gup::clean);

    CHECK(pool.stats().free == 1);
}

TEST_CASE("an exhausted pool gives no page to the CPU either, without an exception where one tries") {
    auto pool = pool_of(2);
    auto first = gup::try_get_page(pool);
    REQUIRE(first.has_value());
    CHECK(first->size() == 4096);
    const auto second = gup::get_page(pool);

    CHECK_FALSE(gup::try_get_page(pool).has_value());
    CHECK(failure_of([&] { static_cast<void>(gup::get_page(pool)); }).code == std::errc::no_buffer_space);
    gup::put_page(std::move(*first));
    CHECK(gup::try_get_page(pool).has_value());
}

TEST_CASE("an exhausted pool says how many pages are out and serves again after a put") {
    auto pool = pool_of(3);
    auto refs = gup::get_user_pages(pool, 3);

    CHECK_FALSE(gup::try_get_user_page(pool).has_value());
    try {
        static_cast<void>(gup::get_user_page(pool));
        FAIL("a fourth page was got");
    } catch (const gup::pin_error& error) {
        CHECK(error.code() == std::errc::no_buffer_space);
        CHECK(std::string(error.failure().call) == "get_user_page");
        CHECK(error.failure().remedy ==
              "3 of 3 pages are out and 1 more wanted: put some, or make the pool larger");
    }
    gup::put_user_page(std::move(refs[1]), gup::clean);
    CHECK(gup::try_get_user_page(pool).has_value());
}

TEST_CASE("the statistics of a pool tell what it has and does") {
    pretended domain;
    pretended_pool pool(domain, small(10, 8192));
    const auto one = gup::get_user_page(pool);
    const auto same = gup::ref_user_page<gup::dma_access::read>(one);
    const auto other = gup::get_page(pool);

    const gup::pool_stats stats = pool.stats();

    CHECK(stats.pages == 10);
    CHECK(stats.free == 8);
    CHECK(stats.pinned == 1);
    CHECK(stats.in_flight == 0);
    CHECK(stats.bytes_registered == 10 * 8192);
    CHECK(stats.slots == 0);
    CHECK(stats.memory == gup::memory_kind::small_pages);
    CHECK(stats.memory_page_size == gup::system_kernel::page_size());
    CHECK(pool.page_size() == 8192);
    CHECK(pool.registered());
    CHECK(pool.why_not_registered() == nullptr);
    CHECK(pool.domain().log == domain.log);
    CHECK(domain.log->pins == 1);
}

TEST_CASE("a refused pin means no pool and says why") {
    pretended domain;
    domain.log->refuse = true;
    gup::pin_failure failure;

    CHECK_FALSE(pretended_pool::try_make(domain, small(4), failure).has_value());
    CHECK(failure.code == std::errc::not_enough_memory);
    CHECK(std::string(failure.call) == "pretended pin");
    CHECK(failure.range.size() == 4 * 4096);
    CHECK(contains(what_of([&] { const pretended_pool pool(domain, small(4)); }), "allow it"));
    CHECK(domain.log->pins == 0);
    CHECK(domain.log->releases == 0);
}

TEST_CASE("a pool made without throwing is as good as any other") {
    gup::pin_failure failure;

    auto pool = pretended_pool::try_make(pretended{}, small(2), failure);

    REQUIRE(pool.has_value());
    CHECK_FALSE(failure.code);
    CHECK(gettable(*pool) == 2);
}

TEST_CASE("a pool may go on unpinned and says so") {
    pretended domain;
    domain.log->refuse = true;
    auto options = small(2);
    options.fallback = gup::pin_fallback::unpinned;
    {
        pretended_pool pool(domain, options);

        CHECK_FALSE(pool.registered());
        REQUIRE(pool.why_not_registered() != nullptr);
        CHECK(std::string(pool.why_not_registered()->call) == "pretended pin");
        CHECK(pool.stats().bytes_registered == 0);
        auto ref = gup::get_user_page(pool);
        ref.bytes()[4095] = std::byte{1};
        gup::put_user_page(std::move(ref), gup::dirty);
        CHECK(gettable(pool) == 2);
    }
    CHECK(domain.log->pins == 0);
    CHECK(domain.log->releases == 0);
}

TEST_CASE("a pool that may go on unpinned is pinned if the kernel lets it") {
    auto options = small(2);
    options.fallback = gup::pin_fallback::unpinned;

    const pretended_pool pool(pretended{}, options);

    CHECK(pool.registered());
    CHECK(pool.stats().bytes_registered == 2 * 4096);
}

TEST_CASE("a moved pool keeps its pages and its references") {
    pretended domain;
    pretended_pool first(domain, small(3));
    auto ref = gup::get_user_page(first);

    pretended_pool second(std::move(first));
    CHECK(second.stats().pinned == 1);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(gettable(second) == 3);
    CHECK(domain.log->releases == 0);
}

TEST_CASE("assigning a pool closes the one that was there") {
    pretended one;
    pretended two;
    pretended_pool pool(one, small(3));
    pretended_pool other(two, small(4));

    pool = std::move(other);

    CHECK(one.log->releases == 1);
    CHECK(two.log->releases == 0);
    CHECK(gettable(pool) == 4);
    auto& same = pool;
    pool = std::move(same);
    CHECK(gettable(pool) == 4);
}

TEST_CASE("two pools used in turn on one thread keep their pages apart") {
    auto one = pool_of(200);
    auto two = pool_of(200);
    std::vector<writer_ref> refs;
    for (int i = 0; i < 200; ++i) {
        refs.push_back(gup::get_user_page(one));
        refs.push_back(gup::get_user_page(two));
        if (i % 3 == 0) gup::put_user_page(std::exchange(refs[refs.size() / 2], {}), gup::clean);
        std::erase_if(refs, [](const auto& ref) { return !ref; });
    }
    CHECK(one.stats().pinned + two.stats().pinned == refs.size());
    refs.clear();

    CHECK(gettable(one) == 200);
    CHECK(gettable(two) == 200);
}

TEST_CASE("a pool can be made without saying its domain's type") {
    gup::page_pool pool{pretended{}, {.page_size = 128 * 1024, .pages = 16}};
    STATIC_REQUIRE(std::is_same_v<decltype(pool), pretended_pool>);

    CHECK(gup::get_user_page(pool).size() == 128 * 1024);
}
