// SPDX-License-Identifier: BSL-1.0
#include "gup/page_flags.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <atomic>
#include <thread>

using namespace gup_test;
using gup::dma_access;

namespace {

/// A page with an ordinary reference that watches it while a test pins it.
struct watched_page {
    pretended_pool pool = pool_of(1);
    plain_ref watch = gup::get_page(pool);

    template <gup::dma_access Access>
    auto pin() const {
        return gup::get_user_page<Access>(watch);
    }
    bool dirty() const { return gup::page_dirty(watch); }
};

} // namespace

TEST_CASE("a page starts clean") {
    const watched_page page;

    CHECK_FALSE(page.dirty());
    CHECK_FALSE(gup::page_dirty(page.pin<dma_access::read>()));
}

TEST_CASE("a dirty put makes the page dirty and a clean put changes nothing") {
    watched_page page;

    gup::put_user_page(page.pin<dma_access::read_write>(), gup::clean);
    CHECK_FALSE(page.dirty());
    gup::put_user_page(page.pin<dma_access::read_write>(), gup::dirty);
    CHECK(page.dirty());
    gup::put_user_page(page.pin<dma_access::read_write>(), gup::clean);
    CHECK(page.dirty());
}

TEST_CASE("a put of a page that only the CPU writes is dirty or clean as it says") {
    watched_page page;

    gup::put_user_page(page.pin<dma_access::to_device>(), gup::clean);
    CHECK_FALSE(page.dirty());
    gup::put_user_page(page.pin<dma_access::to_device>(), gup::dirty);
    CHECK(page.dirty());
}

TEST_CASE("a read reference never makes its page dirty") {
    watched_page page;

    gup::put_user_page(page.pin<dma_access::read>());
    CHECK_FALSE(page.dirty());
    { const auto dropped = page.pin<dma_access::read>(); }
    CHECK_FALSE(page.dirty());
}

TEST_CASE("dropping a writable reference without a put makes its page dirty") {
    watched_page page;
    { const auto dropped = page.pin<dma_access::read_write>(); }
    CHECK(page.dirty());

    CHECK(gup::clear_page_dirty_for_io(page.watch));
    { const auto dropped = page.pin<dma_access::to_device>(); }
    CHECK(page.dirty());
}

TEST_CASE("assigning over a live writable reference makes its page dirty") {
    watched_page page;
    auto ref = page.pin<dma_access::read_write>();

    ref = writer_ref();

    CHECK(page.dirty());
    CHECK_FALSE(gup::page_maybe_dma_pinned(page.watch));
}

TEST_CASE("moving a reference away does not make its page dirty") {
    watched_page page;
    auto ref = page.pin<dma_access::read_write>();
    {
        auto moved = std::move(ref);
        gup::put_user_page(std::move(moved), gup::clean);
    }
    CHECK_FALSE(page.dirty());
}

TEST_CASE("every reference but a read one can mark its page") {
    watched_page page;

    gup::set_page_dirty(page.watch);
    CHECK(gup::clear_page_dirty_for_io(page.watch));
    auto writer = page.pin<dma_access::read_write>();
    gup::set_page_dirty(writer);
    gup::put_user_page(std::move(writer), gup::clean);
    CHECK(gup::clear_page_dirty_for_io(page.watch));
    auto sender = page.pin<dma_access::to_device>();
    gup::set_page_dirty(sender);
    gup::put_user_page(std::move(sender), gup::clean);
    CHECK(page.dirty());
}

TEST_CASE("only clearing for write-back clears and it says whether there was something to write") {
    watched_page page;
    CHECK_FALSE(gup::clear_page_dirty_for_io(page.watch));
    gup::set_page_dirty(page.watch);

    CHECK(gup::clear_page_dirty_for_io(page.watch));
    CHECK_FALSE(page.dirty());
    CHECK_FALSE(gup::clear_page_dirty_for_io(page.watch));
}

TEST_CASE("write-back is refused while a device may write even through the caller's own reference") {
    watched_page page;
    gup::set_page_dirty(page.watch);
    auto writer = page.pin<dma_access::read_write>();

    CHECK_FALSE(gup::clear_page_dirty_for_io(writer));
    CHECK_FALSE(gup::clear_page_dirty_for_io(page.watch));
    CHECK(page.dirty());
    auto another = gup::ref_user_page(writer);
    gup::put_user_page(std::move(writer), gup::clean);
    CHECK_FALSE(gup::clear_page_dirty_for_io(page.watch));
    gup::put_user_page(std::move(another), gup::clean);
    CHECK(gup::clear_page_dirty_for_io(page.watch));
}

TEST_CASE("write-back goes on while devices only read the page") {
    watched_page page;
    gup::set_page_dirty(page.watch);
    const auto reader = page.pin<dma_access::read>();
    auto sender = page.pin<dma_access::to_device>();

    CHECK(gup::clear_page_dirty_for_io(reader));
    gup::set_page_dirty(sender);
    CHECK(gup::clear_page_dirty_for_io(sender));
    gup::put_user_page(std::move(sender), gup::clean);
    CHECK_FALSE(page.dirty());
}

TEST_CASE("a page whose last reference ends loses its dirty flag") {
    auto pool = pool_of(1);
    gup::put_user_page(gup::get_user_page(pool), gup::dirty);

    const auto again = gup::get_user_page(pool);

    CHECK_FALSE(gup::page_dirty(again));
}

TEST_CASE("an ordinary reference keeps dirty flag and content") {
    watched_page page;
    auto writer = page.pin<dma_access::read_write>();
    writer.bytes()[100] = std::byte{42};

    gup::put_user_page(std::move(writer), gup::dirty);

    CHECK(page.dirty());
    CHECK(page.watch.bytes()[100] == std::byte{42});
}

TEST_CASE("a page is pinned exactly while a pinned reference of any kind is out") {
    watched_page page;
    CHECK_FALSE(gup::page_maybe_dma_pinned(page.watch));
    const auto another_plain = gup::get_page(page.watch);
    CHECK_FALSE(gup::page_maybe_dma_pinned(page.watch));

    auto reader = page.pin<dma_access::read>();
    CHECK(gup::page_maybe_dma_pinned(reader));
    auto writer = page.pin<dma_access::read_write>();
    gup::put_user_page(std::move(reader));
    CHECK(gup::page_maybe_dma_pinned(gup::page_descriptor(page.watch)));
    auto sender = page.pin<dma_access::to_device>();
    gup::put_user_page(std::move(writer), gup::clean);
    CHECK(gup::page_maybe_dma_pinned(another_plain));
    gup::put_user_page(std::move(sender), gup::clean);
    CHECK_FALSE(gup::page_maybe_dma_pinned(page.watch));
}

TEST_CASE("a page's number is its address divided by 4096 whatever its size") {
    for (const std::size_t size : {4096U, 65536U, 1U << 21}) {
        auto pool = pool_of(2, size);
        const auto refs = gup::get_user_pages(pool, 2);

        for (const auto& ref : refs)
            CHECK(gup::page_to_pfn(ref) == reinterpret_cast<std::uintptr_t>(ref.bytes().data()) / 4096);
        CHECK(gup::page_to_pfn(refs[0]) != gup::page_to_pfn(refs[1]));
    }
}

TEST_CASE("write-back that is refused for a pin that comes just then leaves the page dirty") {
    const watched_page page;
    constexpr int rounds = 300'000;
    std::atomic<bool> begun{false};
    std::atomic<bool> done{false};
    std::thread device([&] {
        while (!done) {
            gup::put_user_page(page.pin<dma_access::read_write>(), gup::clean);
            begun = true;
        }
    });
    while (!begun) std::this_thread::yield();
    int lost = 0;
    for (int i = 0; i < rounds; ++i) {
        gup::set_page_dirty(page.watch);
        const bool cleared = gup::clear_page_dirty_for_io(page.watch);
        if (page.dirty() == cleared) ++lost;
    }
    done = true;
    device.join();

    CHECK(lost == 0);
}
