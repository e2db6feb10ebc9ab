// SPDX-License-Identifier: BSL-1.0
// Finding, sharing, writing and removing at once. ThreadSanitizer sees what the checks do not.
#include "gup/address_space.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/proxies.hpp"

#include <atomic>
#include <barrier>
#include <cstdint>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace gup_test;

namespace {

using space = gup::address_space<pretended>;

void stamp(std::span<std::byte> bytes, std::uint64_t number) {
    std::memcpy(bytes.data(), &number, sizeof number);
}
std::uint64_t stamp_of(std::span<const std::byte> bytes) {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
}

/// Runs two functions at once, each on a thread of its own.
template <class One, class Two>
void at_once(One one, Two two) {
    std::thread first(one);
    std::thread second(two);
    first.join();
    second.join();
}

} // namespace

TEST_CASE("both ways at once on one name publish one proxy and lose no pin") {
    auto pool = pool_of(2);
    source_log log; // the space keeps the source
    space names(pool);
    const auto page = gup::get_page(pool);
    auto source = gup::make_source<pretended_source>(page, log);
    constexpr std::uint64_t rounds = 300;
    std::barrier together(2);
    std::vector<const gup::page_proxy*> seen[2] = {std::vector<const gup::page_proxy*>(rounds),
                                                   std::vector<const gup::page_proxy*>(rounds)};
    for (std::uint64_t i = 0; i < rounds; ++i) names.insert(i, page);
    const auto run = [&](int me, bool with_source) {
        for (std::uint64_t i = 0; i < rounds; ++i) {
            together.arrive_and_wait();
            auto fast = gup::get_user_page_fast<gup::dma_access::read>(names, i);
            auto found = with_source ? gup::find_get_page(names, i, *source) : gup::find_get_page(names, i);
            auto pinned = gup::find_get_user_page<gup::dma_access::read>(names, i);
            seen[me][i] = gup::find_page_proxy(*found);
            if (gup::find_page_proxy(*pinned) != seen[me][i]) seen[me][i] = nullptr;
            if (fast && gup::find_page_proxy(*fast) != seen[me][i]) seen[me][i] = nullptr;
        }
    };
    at_once([&] { run(0, true); }, [&] { run(1, false); });

    for (std::uint64_t i = 0; i < rounds; ++i)
        if (seen[0][i] == nullptr || seen[0][i] != seen[1][i]) FAIL("two proxies of index " << i);
    CHECK_FALSE(gup::page_maybe_dma_pinned(page));
    for (std::uint64_t i = 0; i < rounds; ++i) CHECK(names.remove(i));
    CHECK(log.made == log.released);
}

TEST_CASE("a page is never shared and written at once") {
    auto pool = pool_of(1);
    space names;
    {
        const auto page = gup::get_page(pool);
        names.insert(0, page);
    }
    std::atomic<bool> stop{false};
    int shared = 0;
    int written = 0;
    at_once(
        [&] {
            for (int i = 0; i < 3000 || shared == 0; ++i) {
                try {
                    names.share(0, names, 1);
                } catch (const gup::pin_error&) {
                    continue; // pinned for writing
                }
                ++shared;
                auto reader = gup::find_get_user_page<gup::dma_access::read>(names, 1);
                const auto before = stamp_of(reader->bytes());
                const auto after = stamp_of(reader->bytes());
                if (before != after) FAIL_CHECK("written while it was shared");
                gup::put_user_page(std::move(*reader));
                names.remove(1);
            }
            stop = true;
        },
        [&] {
            while (!stop || written == 0) {
                auto writer = gup::get_user_page_fast(names, 0);
                try {
                    if (!writer) writer = gup::find_get_user_page(names, 0);
                } catch (const gup::pin_error&) {
                    continue; // shared, and no page to copy it to
                }
                stamp(writer->bytes(), stamp_of(writer->bytes()) + 1);
                ++written;
                gup::put_user_page(std::move(*writer), gup::dirty);
            }
        });
    const auto page = gup::find_get_page(names, 0);
    CHECK(stamp_of(page->bytes()) == static_cast<std::uint64_t>(written));
}

TEST_CASE("two names of one page are written at once, each in its own copy") {
    auto pool = pool_of(4);
    for (int round = 0; round < 200; ++round) {
        space names(pool);
        {
            const auto page = gup::get_page(pool);
            stamp(page.bytes(), 100);
            names.insert(0, page);
        }
        names.share(0, names, 1);
        std::barrier together(2);
        const auto write = [&](std::uint64_t index) {
            together.arrive_and_wait();
            auto pinned = gup::find_get_user_page(names, index);
            stamp(pinned->bytes(), stamp_of(pinned->bytes()) + index + 1);
            gup::put_user_page(std::move(*pinned), gup::dirty);
        };
        at_once([&] { write(0); }, [&] { write(1); });
        const auto first = gup::find_get_page(names, 0);
        const auto second = gup::find_get_page(names, 1);
        REQUIRE(stamp_of(first->bytes()) == 101);
        REQUIRE(stamp_of(second->bytes()) == 102);
    }
    CHECK(pool.stats().free == 4);
}

TEST_CASE("names come and go while others look for them, and nobody finds another's page") {
    constexpr std::uint64_t indices = 8;
    auto pool = pool_of(indices + 4);
    space names(pool);
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::atomic<int> found{0};
    at_once(
        [&] {
            for (int round = 0; round < 4000 || found == 0; ++round) {
                const std::uint64_t index = static_cast<std::uint64_t>(round) % indices;
                if (names.remove(index)) continue;
                auto page = gup::get_page(pool);
                stamp(page.bytes(), index);
                names.insert(index, page);
                gup::put_page(std::move(page));
            }
            stop = true;
        },
        [&] {
            for (std::uint64_t index = 0; !stop; index = (index + 1) % indices) {
                if (auto fast = gup::get_user_page_fast<gup::dma_access::read>(names, index)) {
                    wrong += stamp_of(fast->bytes()) != index || gup::page_index(*fast) != index;
                    ++found;
                } else if (auto slow = gup::find_get_page(names, index)) {
                    wrong += stamp_of(slow->bytes()) != index || gup::page_index(*slow) != index;
                    ++found;
                }
            }
        });
    CHECK(wrong == 0);
    for (std::uint64_t index = 0; index < indices; ++index) names.remove(index);
    CHECK(pool.stats().free == indices + 4);
}
