// SPDX-License-Identifier: BSL-1.0
#include "gup/user_page_ref.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"

#include <new>

using namespace gup_test;

TEST_CASE("a pinned reference gives the page and pins it until its put") {
    auto pool = pool_of(2, 65536);

    auto ref = gup::get_user_page(pool);
    ref.bytes().front() = std::byte{1};
    ref.bytes().back() = std::byte{2};

    CHECK(ref.size() == 65536);
    CHECK(ref.bytes().size() == 65536);
    CHECK(gup::page_maybe_dma_pinned(ref));
    CHECK(pool.stats().pinned == 1);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK_FALSE(ref);
    CHECK(pool.stats().pinned == 0);
}

TEST_CASE("a second pin is to the same page and each is put on its own") {
    auto pool = pool_of(1);
    auto first = gup::get_user_page(pool);

    auto second = gup::ref_user_page(first);
    gup::put_user_page(std::move(first), gup::clean);

    CHECK(gup::page_maybe_dma_pinned(second));
    CHECK_FALSE(gup::try_get_user_page(pool).has_value());
    gup::put_user_page(std::move(second), gup::clean);
    CHECK(pool.stats().free == 1);
}

TEST_CASE("access narrows step by step and every reference counts") {
    auto pool = pool_of(1);
    auto writer = gup::get_user_page(pool);

    sender_ref sender = gup::ref_user_page<gup::dma_access::to_device>(writer);
    reader_ref reader = gup::ref_user_page<gup::dma_access::read>(sender);
    reader_ref same = gup::ref_user_page<gup::dma_access::read>(reader);
    STATIC_REQUIRE(std::is_same_v<decltype(reader.bytes()), std::span<const std::byte>>);
    STATIC_REQUIRE(std::is_same_v<decltype(sender.bytes()), std::span<std::byte>>);

    CHECK(reader.bytes().data() == writer.bytes().data());
    gup::put_user_page(std::move(writer), gup::clean);
    gup::put_user_page(std::move(sender), gup::clean);
    gup::put_user_page(std::move(reader));
    CHECK(gup::page_maybe_dma_pinned(same));
    gup::put_user_page(std::move(same));
    CHECK(pool.stats().free == 1);
}

TEST_CASE("a page that the CPU holds can be pinned with every access of its pool") {
    auto pool = pool_of(1);
    const auto held = gup::get_page(pool);

    auto writer = gup::get_user_page(held);
    auto sender = gup::get_user_page<gup::dma_access::to_device>(held);
    auto reader = gup::get_user_page<gup::dma_access::read>(held);
    STATIC_REQUIRE(std::is_same_v<decltype(writer), writer_ref>);

    CHECK(writer.bytes().data() == held.bytes().data());
    CHECK(gup::page_maybe_dma_pinned(held));
    gup::put_user_page(std::move(writer), gup::clean);
    gup::put_user_page(std::move(sender), gup::clean);
    gup::put_user_page(std::move(reader));
    CHECK_FALSE(gup::page_maybe_dma_pinned(held));
}

TEST_CASE("a pool pinned for a narrow access cannot give a wider one through an ordinary reference") {
    using narrow_pool = gup::page_pool<pretended, gup::dma_access::to_device>;
    const auto allowed = in_child([] {
        narrow_pool pool(pretended{}, small(1));
        const auto held = gup::get_page(pool);
        gup::put_user_page(gup::get_user_page<gup::dma_access::to_device>(held), gup::clean);
        gup::put_user_page(gup::get_user_page<gup::dma_access::read>(held));
        return 0;
    });
    const auto refused = in_child([] {
        narrow_pool pool(pretended{}, small(1));
        const auto held = gup::get_page(pool);
        gup::put_user_page(gup::get_user_page(held), gup::clean);
        return 0;
    });

    CHECK(allowed.exited_with(0));
    CHECK(refused.terminated());
    CHECK(refused.said_that("more access than the page's pool was made with"));
}

TEST_CASE("a moved pinned reference leaves its source empty") {
    auto pool = pool_of(2);
    auto first = gup::get_user_page(pool);
    const void* const page = first.bytes().data();

    writer_ref second(std::move(first));
    CHECK_FALSE(first);
    writer_ref third = gup::get_user_page(pool);
    third = std::move(second);

    CHECK_FALSE(second);
    CHECK(third.bytes().data() == page);
    CHECK(pool.stats().pinned == 1);
}

TEST_CASE("a pinned reference moved onto itself stays pinned and clean") {
    auto pool = pool_of(1);
    auto ref = gup::get_user_page(pool);
    auto& same = ref;

    ref = std::move(same);

    REQUIRE(ref);
    CHECK_FALSE(gup::page_dirty(ref));
    CHECK(pool.stats().pinned == 1);
}

TEST_CASE("swapped pinned references exchange their pages and stay clean") {
    auto pool = pool_of(2);
    auto first = gup::get_user_page(pool);
    writer_ref second;
    const auto* const memory = first.bytes().data();

    swap(first, second);

    CHECK_FALSE(first);
    REQUIRE(second);
    CHECK(second.bytes().data() == memory);
    CHECK_FALSE(gup::page_dirty(second));
    CHECK(pool.stats().pinned == 1);
    gup::put_user_page(std::move(second), gup::clean);
    CHECK(pool.stats().free == 2);
}

TEST_CASE("an empty pinned reference can be dropped and moved") {
    writer_ref empty;
    writer_ref moved = std::move(empty);
    empty = std::move(moved);

    CHECK_FALSE(empty);
}

TEST_CASE("pools of each access hand out references of it") {
    gup::page_pool<pretended, gup::dma_access::read> readers(pretended{}, small(1));
    gup::page_pool<pretended, gup::dma_access::to_device> senders(pretended{}, small(1));

    gup::put_user_page(gup::get_user_page(readers));
    auto sender = gup::get_user_page(senders);
    sender.bytes()[0] = std::byte{1};
    gup::put_user_page(std::move(sender), gup::dirty);

    CHECK(readers.stats().free == 1);
    CHECK(senders.stats().free == 1);
}

TEST_CASE("a loop that forgets to put terminates before a count runs over") {
    const auto forget = [](auto again) {
        return in_child([again] {
            auto pool = pool_of(1);
            const auto ref = gup::get_user_page(pool);
            for (int i = 0; i < (1 << 21) - 2; ++i) {
                alignas(8) std::byte never_destroyed[8];
                ::new (static_cast<void*>(never_destroyed)) auto(again(ref));
            }
            if (!gup::page_maybe_dma_pinned(ref) || pool.stats().pinned != 1) return 1;
            const auto one_too_many = again(ref);
            return 0;
        });
    };

    const auto with_writers = forget([](const writer_ref& ref) { return gup::ref_user_page(ref); });
    const auto with_readers =
        forget([](const writer_ref& ref) { return gup::ref_user_page<gup::dma_access::read>(ref); });

    CHECK(with_writers.terminated());
    CHECK(with_writers.said_that("a loop forgets to put"));
    CHECK(with_readers.terminated());
}
