// SPDX-License-Identifier: BSL-1.0
#include "gup/proxy_source.hpp"

#include "gup_test/child.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/proxies.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace gup_test;

TEST_CASE("a pin keeps its proxy, and the last reference of any kind gives it back") {
    proxy_scene s;
    auto proxy = s.source->make(3);
    auto pin = gup::get_user_page<gup::dma_access::to_device>(proxy);

    gup::put_page(std::move(proxy));
    CHECK(s.log.released == 0);
    CHECK(gup::page_index(pin) == 3);
    gup::put_user_page(std::move(pin), gup::clean);
    CHECK(s.log.idle == 1);
    CHECK(s.log.released == 1);
    CHECK(s.log.last_index == 3);
}

TEST_CASE("a source closed early lives until its last proxy is back") {
    auto pool = pool_of(1);
    source_log log;
    auto page = gup::get_page(pool);
    auto source = std::optional(gup::make_source<pretended_source>(page, log));
    auto proxy = (*source)->make(4);
    auto pin = gup::get_user_page(proxy);
    gup::put_page(std::move(page));

    source.reset();
    CHECK(log.destroyed == 0);
    gup::put_page(std::move(proxy));
    CHECK(log.released == 0);
    gup::put_user_page(std::move(pin), gup::dirty);
    CHECK(log.released == 1);
    CHECK(log.destroyed == 1);
    CHECK(pool.stats().free == 1);
}

TEST_CASE("a proxy without references cannot be got, and one with any can") {
    proxy_scene s;
    auto proxy = s.source->make(0);
    auto& known = const_cast<gup::page_proxy&>(gup::unchecked_page_proxy(proxy));
    using gup::detail::proxy_access;

    auto again = proxy_access::try_get<pretended>(known);
    CHECK(gup::page_proxied(again));
    auto pin = proxy_access::try_pin<pretended, gup::dma_access::read_write>(known);
    auto second = proxy_access::try_pin<pretended, gup::dma_access::read_write>(known);
    CHECK(s.base().device_may_write());
    gup::put_page(std::move(proxy));
    gup::put_page(std::move(again));
    gup::put_user_page(std::move(second), gup::clean);
    CHECK(s.log.released == 0);
    gup::put_user_page(std::move(pin), gup::clean);
    CHECK(s.log.released == 1);
    CHECK_FALSE(proxy_access::try_get<pretended>(known));
    CHECK_FALSE(proxy_access::try_pin<pretended, gup::dma_access::read>(known));
    CHECK_FALSE(s.base().pinned());
}

TEST_CASE("threads that pin and put through one proxy leave exact counts") {
    proxy_scene s;
    auto proxy = s.source->make(0);
    constexpr int rounds = 20000;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < rounds; ++i) {
                    if ((i + t) % 2 == 0) {
                        auto pin = gup::get_user_page(proxy);
                        if (!s.base().device_may_write()) std::abort();
                        gup::put_user_page(std::move(pin), gup::clean);
                    } else {
                        auto pin = gup::get_user_page<gup::dma_access::read>(proxy);
                        if (!s.base().pinned()) std::abort();
                        gup::put_user_page(std::move(pin));
                    }
                }
            });
    }
    CHECK_FALSE(s.base().pinned());
    CHECK(s.log.idle > 0);
    gup::put_page(std::move(proxy));
    CHECK(s.log.released == 1);
}

TEST_CASE("a proxy that cannot be made changes nothing") {
    using kernel = failing_kernel<>;
    using domain = pretend_domain<kernel>;
    gup::page_pool<domain> pool(domain{}, small(1));
    auto page = gup::get_page(pool);
    source_log log;
    auto source = gup::make_source<one_page_source<domain>>(page, log);
    const std::size_t mapped = kernel::mapped.bytes();

    for (int number = 1; number <= 2; ++number) {
        kernel::plan(number, ENOMEM);
        CHECK(failure_of([&] { auto proxy = source->make(0); }).code == std::errc::not_enough_memory);
        kernel::plan_nothing();
        CHECK(log.made == 0);
        CHECK(kernel::mapped.bytes() == mapped);
    }
    auto proxy = source->make(8);
    CHECK(gup::page_index(proxy) == 8);
}

TEST_CASE("the memory of proxies is used again and goes with their source") {
    using kernel = failing_kernel<>;
    using domain = pretend_domain<kernel>;
    gup::page_pool<domain> pool(domain{}, small(1));
    auto page = gup::get_page(pool);
    source_log log;
    const std::size_t mapped = kernel::mapped.bytes();
    auto source = gup::make_source<one_page_source<domain>>(page, log);

    gup::put_page(source->make(0));
    const std::size_t one_chunk = kernel::mapped.bytes();
    for (std::uint64_t i = 0; i < 1000; ++i) gup::put_page(source->make(i));
    CHECK(kernel::mapped.bytes() == one_chunk);
    std::vector<gup::page_ref<domain>> many;
    for (std::uint64_t i = 0; i < 1000; ++i) many.push_back(source->make(i));
    CHECK(kernel::mapped.bytes() > one_chunk);
    for (std::uint64_t i = 0; i < 1000; ++i) CHECK(gup::page_index(many[i]) == i);
    { const auto closed = std::move(source); }
    CHECK(log.destroyed == 0);
    many.clear();
    CHECK(log.destroyed == 1);
    CHECK(kernel::mapped.bytes() == mapped);
}

TEST_CASE("a forked child makes no proxies and gives none back") {
    proxy_scene s;
    auto proxy = std::optional(s.source->make(0));
    const auto child = in_child([&] {
        if (!contains(what_of([&] { auto own = s.source->make(1); }), "parent process")) return 1;
        proxy.reset();
        s.source = gup::make_source<pretended_source>(s.page, s.log);
        return s.log.released == 0 && s.log.destroyed == 0 ? 0 : 2;
    });
    CHECK(child.exited_with(0));
}

TEST_CASE("whoever holds only the address of a proxy pins it while it lives and never after") {
    proxy_scene s;
    std::atomic<gup::page_proxy*> published{nullptr};
    std::atomic<bool> over{false};
    std::atomic<int> pinned{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&, t] {
            while (!over) {
                gup::page_proxy* const seen = published;
                if (seen == nullptr) continue;
                auto pin = gup::detail::proxy_access::try_pin<pretended, gup::dma_access::read_write>(*seen);
                if (!pin) continue;
                if (!s.base().device_may_write() || pin.bytes().data() != s.page.bytes().data()) std::abort();
                ++pinned;
                gup::put_user_page(std::move(pin), t == 0 ? gup::clean : gup::dirty);
            }
        });
    for (std::uint64_t i = 0; i < 20000 || pinned < 100; ++i) {
        auto proxy = s.source->make(i);
        published = const_cast<gup::page_proxy*>(gup::find_page_proxy(proxy));
        gup::put_user_page(gup::get_user_page<gup::dma_access::read>(proxy));
    }
    over = true;
    threads.clear();
    CHECK(s.log.made == s.log.released);
    CHECK_FALSE(s.base().pinned());
    s.source = gup::make_source<pretended_source>(s.page, s.log);
    CHECK(s.log.destroyed == 1);
}
