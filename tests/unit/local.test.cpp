// SPDX-License-Identifier: BSL-1.0
#include "gup/local.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/proxies.hpp"

#include <optional>

using namespace gup_test;

namespace {

using local_domain = gup::local<pretended>;
using local_pool = gup::page_pool<local_domain>;

/// Ends the process before anything is put.
template <class Kept>
void leave(const Kept&) {
    ::_exit(0);
}

/// What happens to a child that uses a page of a local pool like this on another thread than the pool's.
template <class Use>
child_result elsewhere(Use use) {
    return in_child([&] {
        local_pool pool(local_domain{}, small(4));
        std::optional ref = gup::get_user_page(pool);
        on_another_thread([&] { use(pool, ref); });
        ::_exit(0);
        return 0;
    });
}

} // namespace

TEST_CASE("a local domain counts without atomics and is the same domain otherwise") {
    STATIC_REQUIRE(std::is_same_v<gup::detail::counting_t<local_domain>, gup::detail::local_counting>);
    STATIC_REQUIRE(std::is_same_v<gup::detail::counting_t<pretended>, gup::detail::shared_counting>);
    pretended domain;

    gup::local wrapped(domain);

    CHECK(wrapped.log == domain.log);
}

TEST_CASE("pages of a local pool are got and put one by one and at once") {
    local_pool pool(local_domain{}, small(100));
    for (const std::size_t n : {1U, 64U, 65U, 100U}) {
        auto refs = gup::get_user_pages(pool, n);
        CHECK(pool.stats().pinned == n);
        CHECK(pool.stats().free == 100 - n);
        gup::put_user_pages(std::move(refs), gup::clean);
        CHECK(pool.stats().free == 100);
    }
    CHECK(gettable(pool) == 100);
}

TEST_CASE("an exhausted local pool says how many pages are out and takes none for too large a request") {
    local_pool pool(local_domain{}, small(70));
    const auto ref = gup::get_user_page(pool);
    std::vector<gup::user_page_ref<local_domain>> refs(70);

    CHECK_FALSE(gup::try_get_user_pages(pool, std::span(refs)));
    CHECK(contains(what_of([&] { static_cast<void>(gup::get_user_pages(pool, 70)); }),
                   "1 of 70 pages are out"));
    CHECK(pool.stats().free == 69);
}

TEST_CASE("references to a local page of every kind keep it until the last") {
    local_pool pool(local_domain{}, small(1));
    auto writer = gup::get_user_page(pool);
    auto reader = gup::ref_user_page<gup::dma_access::read>(writer);
    auto plain = gup::find_get_page(pool, writer.bytes().data());
    REQUIRE(plain.has_value());

    gup::put_user_page(std::move(writer), gup::dirty);
    CHECK(gup::page_maybe_dma_pinned(*plain));
    gup::put_user_page(std::move(reader));
    CHECK_FALSE(gup::page_maybe_dma_pinned(*plain));
    CHECK(gup::page_dirty(*plain));
    CHECK(gup::clear_page_dirty_for_io(*plain));
    gup::put_page(std::move(*plain));

    CHECK(pool.stats().free == 1);
}

TEST_CASE("a local pool lives on until its last page is put") {
    pretended domain;
    std::optional<local_pool> pool(std::in_place, local_domain(domain), small(2));
    auto ref = gup::get_user_page(*pool);

    pool.reset();
    CHECK(domain.log->releases == 0);
    ref.bytes()[4095] = std::byte{1};
    gup::put_user_page(std::move(ref), gup::dirty);

    CHECK(domain.log->releases == 1);
}

TEST_CASE("dirty pages of a local pool can be gone through") {
    local_pool pool(local_domain{}, small(3));
    const auto ref = gup::get_page(pool);
    gup::set_page_dirty(ref);
    int dirty = 0;

    for (auto page : pool.dirty_pages()) dirty += gup::page_dirty(page);

    CHECK(dirty == 1);
}

constexpr const char* rule = "used on another thread than the one that made its pool";

#ifndef NDEBUG
TEST_CASE("built without NDEBUG, a program ends when a local page is used on another thread") {
    CHECK(elsewhere([](auto&, auto& ref) { leave(gup::ref_user_page(*ref)); }).said_that(rule));
    CHECK(
        elsewhere([](auto&, auto& ref) { gup::put_user_page(std::move(*ref), gup::clean); }).said_that(rule));
}

TEST_CASE(
    "built without NDEBUG, a program ends when a local page is used through a proxy on another thread") {
    source_log log;
    const auto child = [&](auto use) {
        return in_child([&] {
            local_pool pool(local_domain{}, small(1));
            auto page = gup::get_page(pool);
            auto source = gup::make_source<one_page_source<local_domain>>(page, log);
            std::optional proxy = source->make(0);
            on_another_thread([&] { use(source, proxy); });
            ::_exit(0);
            return 0;
        });
    };

    CHECK(child([](auto&, auto& proxy) { proxy.reset(); }).terminated());
    CHECK(child([](auto&, auto& proxy) { leave(gup::get_user_page(*proxy)); }).terminated());
    CHECK(child([](auto& source, auto&) { leave(source->make(1)); }).terminated());
    CHECK(child([](auto&, auto& proxy) { leave(gup::page_index(*proxy)); }).exited_with(0));
}

#endif

TEST_CASE("a program ends when a local page is dropped without a put on another thread") {
    CHECK(elsewhere([](auto&, auto& ref) { ref.reset(); }).said_that(rule));
}

TEST_CASE("a program ends when a local pool is asked for a page on another thread") {
    // each leaves at once, so that it is not the put that terminates
    CHECK(elsewhere([](auto& pool, auto&) { leave(gup::get_user_page(pool)); }).terminated());
    CHECK(elsewhere([](auto& pool, auto&) { leave(gup::try_get_user_page(pool)); }).terminated());
    CHECK(elsewhere([](auto& pool, auto&) { leave(gup::get_user_pages(pool, 2)); }).terminated());
    CHECK(elsewhere([](auto& pool, auto&) { leave(gup::get_page(pool)); }).terminated());
    CHECK(elsewhere([](auto& pool, auto& ref) {
              leave(gup::find_get_page(pool, ref->bytes().data()));
          }).terminated());
    CHECK(elsewhere([](auto& pool, auto&) { leave(pool.dirty_pages().begin()); }).terminated());
}

TEST_CASE("using a local page on its own thread terminates nothing") {
    const auto child = in_child([] {
        local_pool pool(local_domain{}, small(4));
        auto ref = gup::get_user_page(pool);
        auto again = gup::ref_user_page(ref);
        gup::put_user_page(std::move(ref), gup::clean);
        return 0;
    });

    CHECK(child.exited_with(0));
    CHECK(child.said.empty());
}

TEST_CASE("a forked child gets nothing from its parent's local pool and releases nothing") {
    pretended domain;
    std::optional<local_pool> pool(std::in_place, local_domain(domain), small(2));
    auto ref = gup::get_user_page(*pool);

    const auto child = in_child([&] {
        const bool none = !gup::try_get_user_page(*pool).has_value();
        const bool clear = contains(what_of([&] { static_cast<void>(gup::get_user_page(*pool)); }),
                                    "make a pool of your own");
        gup::put_user_page(std::move(ref), gup::clean);
        pool.reset();
        return none && clear && domain.log->releases == 0 ? 0 : 1;
    });

    CHECK(child.exited_with(0));
    gup::put_user_page(std::move(ref), gup::clean);
    pool.reset();
    CHECK(domain.log->releases == 1);
}
