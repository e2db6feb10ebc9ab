// SPDX-License-Identifier: BSL-1.0
// Look-ups of pages by address, and the dirty pages of a pool.
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <linux/membarrier.h>
#include <set>

using namespace gup_test;

TEST_CASE("a page is found from its first, an inner and its last byte") {
    auto pool = pool_of(3);
    const auto ref = gup::get_user_page(pool);
    const std::byte* const first = ref.bytes().data();

    for (const std::size_t offset : {0U, 1U, 2048U, 4095U}) {
        const auto found = gup::find_get_page(pool, first + offset);
        REQUIRE(found.has_value());
        CHECK(found->bytes().data() == first);
        CHECK(gup::page_to_pfn(*found) == gup::page_to_pfn(ref));
    }
}

TEST_CASE("neighbouring addresses lead to neighbouring pages") {
    auto pool = pool_of(8);
    auto refs = gup::get_user_pages(pool, 8);
    std::sort(refs.begin(), refs.end(),
              [](const auto& a, const auto& b) { return a.bytes().data() < b.bytes().data(); });

    for (std::size_t i = 0; i < refs.size(); ++i) {
        CHECK(refs[i].bytes().data() == refs[0].bytes().data() + i * 4096);
        const auto found = gup::find_get_page(pool, refs[0].bytes().data() + i * 4096 + 17);
        REQUIRE(found.has_value());
        CHECK(&gup::page_descriptor(*found) == &gup::page_descriptor(refs[i]));
    }
}

TEST_CASE("an address outside the pool leads to no page") {
    auto pool = pool_of(4);
    auto refs = gup::get_user_pages(pool, 4);
    const std::byte* first = refs[0].bytes().data();
    for (const auto& ref : refs) first = std::min<const std::byte*>(first, ref.bytes().data());
    const int elsewhere = 0;

    CHECK_FALSE(gup::find_get_page(pool, first - 1).has_value());
    CHECK_FALSE(gup::find_get_page(pool, first + 4 * 4096).has_value());
    CHECK_FALSE(gup::find_get_page(pool, &elsewhere).has_value());
    CHECK_FALSE(gup::find_get_page(pool, nullptr).has_value());
    CHECK(pool.find(first - 1) == nullptr);
    CHECK(pool.find(first + 4 * 4096) == nullptr);
    CHECK(pool.find(first + 4 * 4096 - 1) != nullptr);
}

TEST_CASE("a page that nobody holds is not found") {
    auto pool = pool_of(1);
    auto ref = gup::get_user_page(pool);
    const std::byte* const address = ref.bytes().data();
    gup::put_user_page(std::move(ref), gup::clean);

    CHECK_FALSE(gup::find_get_page(pool, address).has_value());
    CHECK(pool.find(address) != nullptr);
    CHECK(pool.stats().free == 1);
}

TEST_CASE("a found page stays when every other reference goes") {
    auto pool = pool_of(1);
    auto ref = gup::get_user_page(pool);
    auto found = gup::find_get_page(pool, ref.bytes().data());
    REQUIRE(found.has_value());
    gup::put_user_page(std::move(ref), gup::clean);

    CHECK_FALSE(gup::try_get_user_page(pool).has_value());
    CHECK_FALSE(gup::page_maybe_dma_pinned(*found));
    gup::put_page(std::move(*found));
    CHECK(pool.stats().free == 1);
}

TEST_CASE("the last page of a pool of large pages is found by its last byte") {
    pretended_pool pool(pretended{}, {.page_size = std::size_t{1} << 30, .pages = 2});
    const auto refs = gup::get_user_pages(pool, 2);
    const auto& last = refs[0].bytes().data() > refs[1].bytes().data() ? refs[0] : refs[1];

    const auto found = gup::find_get_page(pool, last.bytes().data() + last.size() - 1);

    REQUIRE(found.has_value());
    CHECK(found->bytes().data() == last.bytes().data());
    CHECK_FALSE(gup::find_get_page(pool, last.bytes().data() + last.size()).has_value());
}

TEST_CASE("the dirty pages of a pool are those written and still held") {
    auto pool = pool_of(6);
    auto refs = gup::get_user_pages(pool, 4);
    gup::set_page_dirty(refs[1]);
    gup::set_page_dirty(refs[3]);
    gup::set_page_dirty(refs[0]);
    gup::put_user_page(std::move(refs[0]), gup::dirty); // its content is gone

    std::set<const void*> seen;
    for (gup::page_ref<pretended> page : pool.dirty_pages()) seen.insert(page.bytes().data());

    CHECK(seen == std::set<const void*>{refs[1].bytes().data(), refs[3].bytes().data()});
}

TEST_CASE("a pool without dirty pages has none to go through") {
    auto pool = pool_of(2);
    const auto ref = gup::get_user_page(pool);
    auto range = pool.dirty_pages();

    CHECK(range.begin() == range.end());
}

TEST_CASE("a dirty page is kept while the loop looks at it and can be written back there") {
    auto pool = pool_of(2);
    auto held = gup::get_page(pool);
    gup::set_page_dirty(held);
    int written_back = 0;

    for (gup::page_ref<pretended> page : pool.dirty_pages()) {
        gup::put_page(std::move(held)); // the loop's reference is now the last
        CHECK(gup::clear_page_dirty_for_io(page));
        ++written_back;
    }

    CHECK(written_back == 1);
    CHECK(pool.stats().free == 2);
}

TEST_CASE("stopping a loop over dirty pages early leaves no reference behind") {
    auto pool = pool_of(3);
    auto refs = gup::get_user_pages(pool, 3);
    for (const auto& ref : refs) gup::set_page_dirty(ref);

    for (gup::page_ref<pretended> page : pool.dirty_pages()) {
        CHECK(page);
        break;
    }
    gup::put_user_pages(std::move(refs), gup::clean);

    CHECK(pool.stats().free == 3);
}

namespace {

/// A kernel in which the next membarrier waits for what the test does meanwhile, or is refused.
struct stalling_kernel : gup::system_kernel {
    static inline std::function<void()> during_barrier;
    static inline bool refuse = false;
    static int membarrier(int command) noexcept {
        if (command == MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
            if (refuse) return -EPERM;
            if (auto meanwhile = std::exchange(during_barrier, nullptr)) meanwhile();
        }
        return system_kernel::membarrier(command);
    }
};
using stalling_domain = pretend_domain<stalling_kernel>;

} // namespace

TEST_CASE("a second look-up waits as the first does for puts under way") {
    gup::page_pool pool(stalling_domain{}, small(8));
    const lingering_thread other(pool); // its puts could be under way
    const auto ref = gup::get_user_page(pool);
    std::future<bool> second;
    bool overtook = false;
    stalling_kernel::during_barrier = [&] {
        second = std::async(std::launch::async,
                            [&] { return gup::find_get_page(pool, ref.bytes().data()).has_value(); });
        overtook = second.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
    };

    const auto first = gup::find_get_page(pool, ref.bytes().data());

    CHECK(first.has_value());
    REQUIRE(second.valid());
    CHECK(second.get());
    CHECK_FALSE(overtook);
}

TEST_CASE("a page whose only pin goes while the first look-up begins is free, and not found") {
    gup::page_pool pool(stalling_domain{}, small(8));
    auto ref = gup::get_user_page(pool);
    const std::byte* const address = ref.bytes().data();
    const lingering_thread other(pool); // the look-up waits for it
    std::thread putting;
    stalling_kernel::during_barrier = [&] {
        putting = std::thread([&] { gup::put_user_page(std::move(ref), gup::dirty); });
        while (gup::page_maybe_dma_pinned(*pool.find(address))) std::this_thread::yield();
    };

    const auto found = gup::find_get_page(pool, address);
    REQUIRE(putting.joinable());
    putting.join();

    CHECK_FALSE(found.has_value());
    CHECK(gettable(pool) == 8);
}

TEST_CASE("no page is found while the kernel refuses the barrier that look-ups wait for") {
    gup::page_pool pool(stalling_domain{}, small(8));
    const lingering_thread other(pool);
    const auto ref = gup::get_user_page(pool);

    stalling_kernel::refuse = true;
    const bool found_without = gup::find_get_page(pool, ref.bytes().data()).has_value();
    stalling_kernel::refuse = false;
    const bool found_with = gup::find_get_page(pool, ref.bytes().data()).has_value();

    CHECK_FALSE(found_without);
    CHECK(found_with);
}

TEST_CASE("a dirty page can be asked for more than once before the next one") {
    auto pool = pool_of(4);
    const auto ref = gup::get_user_page(pool);
    gup::set_page_dirty(ref);
    auto range = pool.dirty_pages();

    auto at = range.begin();
    const auto first = *at;
    const auto again = *at;

    CHECK(at != range.end());
    CHECK(first.bytes().data() == ref.bytes().data());
    CHECK(again.bytes().data() == ref.bytes().data());
    ++at;
    CHECK(at == range.end());
}
