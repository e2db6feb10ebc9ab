// SPDX-License-Identifier: BSL-1.0
#define GUP_LINEAR_AT_RUN_TIME // the checks of a test may throw
#include "gup/page_proxy.hpp"

#include "gup/in_flight.hpp"
#include "gup/linear.hpp"
#include "gup_test/child.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/proxies.hpp"

#include <utility>
#include <vector>

using namespace gup_test;

TEST_CASE("a proxy shows the page's memory under a mapping and index of its own") {
    proxy_scene s;
    auto first = s.source->make(7);
    auto second = s.source->make(9);

    CHECK(first.bytes().data() == s.page.bytes().data());
    CHECK(first.size() == s.page.size());
    CHECK(gup::page_to_pfn(first) == gup::page_to_pfn(s.page));
    CHECK(&gup::page_descriptor(second) == &gup::page_descriptor(s.page));
    CHECK(gup::page_mapping(first).get<pretended_source>() == &*s.source);
    CHECK(gup::page_index(first) == 7);
    CHECK(gup::page_index(second) == 9);
    CHECK(gup::unchecked_page_index(second) == 9);
    CHECK(gup::unchecked_page_mapping(second) == gup::page_mapping(second));
}

TEST_CASE("without a proxy the mapping of a page is its zone and its index the place there") {
    auto pool = pool_of(3);
    auto pages = gup::get_user_pages(pool, 3);

    for (auto& page : pages) {
        const auto* zone = gup::page_mapping(page).get<const gup::zone>();
        REQUIRE(zone != nullptr);
        CHECK(zone->address_of(&gup::page_descriptor(page)) == page.bytes().data());
        CHECK(zone->place_of(gup::page_descriptor(page)) == gup::page_index(page));
        CHECK_FALSE(gup::page_proxied(page));
        CHECK(gup::find_page_proxy(page) == nullptr);
        CHECK(gup::auxiliary<int>(page) == nullptr);
    }
}

TEST_CASE("a proxy carries data of a type, and only that type finds it") {
    proxy_scene s;
    int data = 5;
    auto with = s.source->make(0, gup::typed_pointer(&data));
    auto without = s.source->make(1);

    CHECK(gup::auxiliary<int>(with) == &data);
    CHECK(gup::unchecked_auxiliary<int>(with) == &data);
    CHECK(gup::auxiliary<unsigned>(with) == nullptr);
    CHECK(gup::auxiliary<int>(without) == nullptr);
}

TEST_CASE("a proxy that nobody pins does not make its base look pinned") {
    proxy_scene s;
    auto first = s.source->make(0);
    auto second = s.source->make(1);
    CHECK_FALSE(gup::page_maybe_dma_pinned(s.page));

    auto reader = gup::get_user_page<gup::dma_access::read>(first);
    CHECK(gup::page_maybe_dma_pinned(s.page));
    CHECK_FALSE(s.base().device_may_write());
    CHECK(gup::find_page_proxy(first)->pinned());
    CHECK_FALSE(gup::find_page_proxy(second)->pinned());

    auto writer = gup::get_user_page(second);
    CHECK(s.base().device_may_write());
    gup::put_user_page(std::move(reader));
    CHECK(gup::page_maybe_dma_pinned(second));
    CHECK_FALSE(gup::find_page_proxy(first)->pinned());
    gup::put_user_page(std::move(writer), gup::clean);
    CHECK_FALSE(gup::page_maybe_dma_pinned(s.page));
}

TEST_CASE("only the first and the last pin of a kind reach the base") {
    proxy_scene s;
    auto proxy = s.source->make(0);
    auto first = gup::get_user_page(proxy);
    auto narrow = gup::ref_user_page<gup::dma_access::read>(first);
    std::vector<writer_ref> more;
    for (int i = 0; i < 10; ++i) more.push_back(gup::ref_user_page(first));

    CHECK(s.base().device_may_write());
    more.clear();
    gup::put_user_page(std::move(first), gup::clean);
    CHECK_FALSE(s.base().device_may_write());
    CHECK(s.base().pinned());
    CHECK(s.log.idle == 0);
    gup::put_user_page(std::move(narrow));
    CHECK_FALSE(s.base().pinned());
    CHECK(s.log.idle == 1);
}

TEST_CASE("a proxy alone keeps its page until its own last put") {
    proxy_scene s;
    auto proxy = s.source->make(0);
    s.source->forget_page();
    gup::put_page(std::move(s.page));

    CHECK(gettable(s.pool) == 1);
    auto pin = gup::get_user_page(proxy);
    gup::put_page(std::move(proxy));
    CHECK(gettable(s.pool) == 1);
    gup::put_user_page(std::move(pin), gup::clean);
    CHECK(gettable(s.pool) == 2);
}

TEST_CASE("dirty is the page's, through whichever proxy it was written") {
    proxy_scene s;
    auto first = s.source->make(0);
    auto second = s.source->make(1);

    gup::put_user_page(gup::get_user_page(first), gup::dirty);
    CHECK(gup::page_dirty(second));
    CHECK(gup::page_dirty(s.page));
    auto pin = gup::get_user_page(second);
    CHECK_FALSE(gup::clear_page_dirty_for_io(s.page));
    gup::put_user_page(std::move(pin), gup::clean);
    CHECK(gup::clear_page_dirty_for_io(first));
    CHECK_FALSE(gup::page_dirty(s.page));
    { auto dropped = gup::get_user_page(first); }
    CHECK(gup::page_dirty(s.page));
}

TEST_CASE("a proxy of a proxy stands in front of the same page") {
    proxy_scene s;
    auto proxy = s.source->make(0);
    auto front = gup::make_source<pretended_source>(proxy, s.log);

    auto second = front->make(1);
    gup::put_page(std::move(proxy));
    auto pin = gup::get_user_page(second);

    CHECK(&gup::page_descriptor(pin) == &gup::page_descriptor(s.page));
    CHECK(&gup::find_page_proxy(pin)->base_page() == &gup::page_descriptor(s.page));
    CHECK(gup::page_maybe_dma_pinned(s.page));
}

TEST_CASE("a linear reference narrows and puts through a proxy") {
    proxy_scene s;
    auto proxy = s.source->make(0);
    {
        gup::linear writer(gup::get_user_page(proxy));
        auto reader = gup::ref_user_page<gup::dma_access::read>(writer);
        gup::put_user_page(std::move(writer), gup::dirty);
        CHECK_FALSE(s.base().device_may_write());
        CHECK(s.base().pinned());
        gup::put_user_page(std::move(reader));
    }
    CHECK_FALSE(s.base().pinned());
    CHECK(gup::page_dirty(s.page));
}

TEST_CASE("an operation that is dropped in flight keeps its proxy and its page pinned") {
    const leak_on_purpose leaks;
    proxy_scene s;
    auto proxy = s.source->make(0);
    const gup::release_failure_hook before =
        gup::on_release_failure([](const gup::release_failure&) noexcept {});
    {
        auto token =
            gup::detail::in_flight_access::make<proxy_scene>(gup::get_user_page(proxy), 1, gup::dirty);
    }
    gup::on_release_failure(before);

    CHECK(s.base().device_may_write());
}

TEST_CASE("pages and proxies are put together") {
    proxy_scene s;
    auto proxy = s.source->make(0);
    std::vector<writer_ref> refs;
    refs.push_back(gup::get_user_page(proxy));
    refs.push_back(gup::get_user_page(s.pool));
    refs.emplace_back();
    refs.push_back(gup::get_user_page(proxy));
    refs.push_back(gup::get_user_page(s.page));

    gup::put_user_pages(std::move(refs), gup::dirty);

    CHECK(s.pool.stats().free == 1);
    CHECK(s.pool.stats().pinned == 0);
    CHECK(gup::page_dirty(proxy));
    CHECK(s.log.idle == 1);
}

TEST_CASE("a page of a pool of narrow access is pinned through a proxy no wider") {
    gup::page_pool<pretended, gup::dma_access::to_device> pool(pretended{}, small(1));
    auto page = gup::get_page(pool);
    source_log log;
    auto source = gup::make_source<pretended_source>(page, log);
    auto proxy = source->make(0);

    gup::put_user_page(gup::get_user_page<gup::dma_access::to_device>(proxy), gup::clean);
    const auto child = in_child([&] {
        auto wider = gup::get_user_page(proxy);
        return 0;
    });
    CHECK(child.terminated());
    CHECK(child.said_that("more access"));
}
