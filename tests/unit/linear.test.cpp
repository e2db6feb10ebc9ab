// SPDX-License-Identifier: BSL-1.0
// Whatever the flags: what goes wrong here is for the run to find. linear_proven.test.cpp has the other half.
#define GUP_LINEAR_AT_RUN_TIME
#include "gup/linear.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/linear_scene.hpp"

using namespace gup_test;

void gup_test::put_through_linear(writer_ref page, gup::put_as decision) {
    gup::linear held{std::move(page)};
    gup::put_user_page(std::move(held), decision);
}

namespace {

/// How a child ends that does this with a linear reference to the only page of a pool.
template <class Body>
child_result with_linear(Body body) {
    return in_child([&body] {
        auto pool = pool_of(1);
        body(linear_ref{gup::get_user_page(pool)});
        return 0;
    });
}

} // namespace

TEST_CASE("a linear reference pins its page until its put") {
    auto pool = pool_of(1);
    const auto keep = gup::get_page(pool);

    gup::linear page{gup::get_user_page(keep)};
    page.bytes()[0] = std::byte{1};

    CHECK(page.size() == 4096);
    CHECK(pool.stats().pinned == 1);
    gup::put_user_page(std::move(page), gup::dirty);
    CHECK(pool.stats().pinned == 0);
    CHECK(gup::page_dirty(keep));
}

TEST_CASE("a linear reference put clean leaves the page clean") {
    auto pool = pool_of(1);
    const auto keep = gup::get_page(pool);

    gup::put_user_page(gup::linear{gup::get_user_page(keep)}, gup::clean);

    CHECK_FALSE(gup::page_dirty(keep));
}

TEST_CASE("a second linear pin is put on its own, a narrower one without a decision") {
    auto pool = pool_of(1);
    gup::linear page{gup::get_user_page(pool)};

    auto again = gup::ref_user_page(page);
    gup::linear<reader_ref> reader = gup::ref_user_page<gup::dma_access::read>(again);
    gup::put_user_page(std::move(page), gup::clean);
    gup::put_user_page(std::move(again), gup::clean);

    CHECK(pool.stats().pinned == 1);
    CHECK(reader.bytes().size() == 4096);
    gup::put_user_page(std::move(reader));
    CHECK(pool.stats().free == 1);
}

TEST_CASE("a linear reference moves and is handed on as an ordinary one") {
    auto pool = pool_of(1);
    gup::linear first{gup::get_user_page(pool)};

    gup::linear second = std::move(first);
    writer_ref ordinary = std::move(second).relax();

    REQUIRE(ordinary);
    CHECK(pool.stats().pinned == 1);
    gup::put_user_page(std::move(ordinary), gup::clean);
    CHECK(pool.stats().free == 1);
}

TEST_CASE("linear references count local pages on their thread") {
    using local_domain = gup::local<pretended>;
    gup::page_pool<local_domain> pool(local_domain{}, small(1));

    gup::linear page{gup::get_user_page(pool)};
    gup::put_user_page(gup::ref_user_page(page), gup::clean);
    gup::put_user_page(std::move(page), gup::clean);

    CHECK(pool.stats().free == 1);
}

TEST_CASE("a linear reference that ends without a put ends the program") {
    const auto forgotten = with_linear([](linear_ref page) { page.bytes()[0] = std::byte{1}; });
    const auto thrown = with_linear([](linear_ref page) {
        try {
            const linear_ref held = std::move(page);
            throw 1;
        } catch (int) {
        }
    });

    CHECK(forgotten.terminated());
    CHECK(forgotten.said_that("a gup::linear reference ended without a put"));
    CHECK(thrown.terminated());
    CHECK(thrown.said_that("a gup::linear reference ended without a put"));
}

TEST_CASE("a linear reference used after its put ends the program") {
    const auto put = [](linear_ref& page) { gup::put_user_page(std::move(page), gup::clean); };
    const auto results = {
        with_linear([put](linear_ref page) { put(page), put(page); }),
        with_linear([put](linear_ref page) { put(page), static_cast<void>(page.bytes()); }),
        with_linear([put](linear_ref page) { put(page), static_cast<void>(page.size()); }),
        with_linear(
            [put](linear_ref page) { put(page), put_through_linear(std::move(page).relax(), gup::clean); }),
        with_linear(
            [put](linear_ref page) { put(page), gup::put_user_page(gup::ref_user_page(page), gup::clean); }),
        with_linear([put](linear_ref page) {
            put(page);
            linear_ref moved = std::move(page);
            put(moved);
        }),
    };

    for (const auto& result : results) {
        CHECK(result.terminated());
        CHECK(result.said_that("a gup::linear reference was used after it had been put, moved or handed on"));
    }
}

TEST_CASE("a linear reference made of an empty one ends the program") {
    const auto result = in_child([] {
        writer_ref empty;
        put_through_linear(std::move(empty), gup::clean);
        return 0;
    });

    CHECK(result.terminated());
    CHECK(result.said_that("gup::linear was made of an empty reference"));
}

TEST_CASE("translation units that prove and that check linear references mix") {
    auto pool = pool_of(1);

    CHECK(pinned_while_linear(pool) == 1);
    auto page = get_through_linear(pool);
    CHECK(pool.stats().pinned == 1);
    put_through_linear(std::move(page), gup::clean);
    CHECK(pool.stats().free == 1);
}
