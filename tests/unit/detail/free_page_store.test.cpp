// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/free_page_store_slow.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/page_array.hpp"

#include <chrono>
#include <future>
#include <linux/membarrier.h>
#include <optional>
#include <set>
#include <thread>
#include <vector>

using namespace gup_test;
using gup::detail::free_page_store;
using gup::detail::page_chain;

namespace {

/// A kernel that counts the barriers that every running thread passes.
struct counting_kernel : gup::system_kernel {
    static inline int barriers = 0;
    static int membarrier(int command) noexcept {
        barriers += command == MEMBARRIER_CMD_PRIVATE_EXPEDITED;
        return system_kernel::membarrier(command);
    }
};

/// A store over page arrays of its own.
struct shop {
    explicit shop(std::size_t pages)
        : memory(pages),
          store(memory.arrays(), std::type_identity<counting_kernel>{},
                [](free_page_store&) noexcept { ++destroyed; }) {
        destroyed = 0;
        counting_kernel::barriers = 0;
    }
    std::vector<gup::page*> take(std::size_t count) {
        std::vector<gup::page*> taken;
        while (taken.size() < count) taken.push_back(store.take());
        return taken;
    }
    void give_back(const std::vector<gup::page*>& taken) {
        for (gup::page* const p : taken) store.give_back(*p);
    }

    static inline int destroyed = 0;
    page_array memory;
    free_page_store store;
};

} // namespace

TEST_CASE("a store gives every page once and then none") {
    for (const std::size_t pages : {1U, 5U, 64U, 200U}) {
        shop s(pages);
        const auto taken = s.take(pages);

        CHECK(std::set<gup::page*>(taken.begin(), taken.end()).size() == pages);
        CHECK(s.store.take() == nullptr);
        CHECK(s.store.free_pages() == 0);
        s.give_back(taken);
        CHECK(s.store.free_pages() == pages);
        s.store.close();
        CHECK(shop::destroyed == 1);
    }
}

TEST_CASE("two threads get descriptors of different cache lines from a large store") {
    shop s(6400);
    std::set<std::uintptr_t> mine;
    std::set<std::uintptr_t> theirs;
    const auto lines = [&](std::set<std::uintptr_t>& of) {
        const auto taken = s.take(gup::detail::magazine::places / 2); // what a thread gets at once
        for (gup::page* const p : taken) of.insert(reinterpret_cast<std::uintptr_t>(p) / 64);
        s.give_back(taken);
    };
    lines(mine); // and keeps a cache
    std::thread(lines, std::ref(theirs)).join();

    for (const std::uintptr_t line : mine) CHECK(theirs.count(line) == 0);
    CHECK(mine.size() == gup::detail::magazine::places / 8);
    s.store.close();
}

TEST_CASE("one thread alone never needs a barrier") {
    shop s(200);
    s.give_back(s.take(200));
    CHECK(s.store.allow_lookups());
    s.give_back(s.take(200));
    s.store.close();

    CHECK(shop::destroyed == 1);
    CHECK(counting_kernel::barriers == 0);
}

TEST_CASE("only threads that have pages are made to pass a barrier") {
    shop s(6400);
    s.give_back(s.take(1));
    std::thread([&] {
        const auto all = s.take(6400); // empties the other thread's cache
        CHECK(counting_kernel::barriers == 1);
        CHECK(s.store.take() == nullptr);
        CHECK(counting_kernel::barriers == 1); // there is nothing to fetch any more
        s.give_back(all);
    }).join();
    s.store.close();
}

TEST_CASE("a closed store gives nothing and ends with its last page") {
    shop s(10);
    const auto taken = s.take(3);
    page_chain chain;
    std::vector<gup::page*> pages(2);
    s.store.close();

    CHECK(shop::destroyed == 0);
    CHECK(s.store.take() == nullptr);
    CHECK_FALSE(s.store.take_all(std::span(pages)));
    CHECK_FALSE(s.store.take_all(2, chain));
    CHECK(chain.count == 0);
    s.store.give_back(*taken[0]);
    s.store.give_back(*taken[1]);
    CHECK(shop::destroyed == 0);
    s.store.give_back(*taken[2]);
    CHECK(shop::destroyed == 1);
}

TEST_CASE("a chain is taken as a whole or not at all") {
    shop s(200);
    s.give_back(s.take(5)); // some are in this thread's cache
    page_chain chain;

    CHECK_FALSE(s.store.take_all(201, chain));
    CHECK(chain.count == 0);
    CHECK(s.store.free_pages() == 200);
    CHECK(s.store.take_all(200, chain));
    CHECK(chain.count == 200);
    CHECK(s.store.take() == nullptr);
    while (chain.first != nullptr)
        s.store.give_back(*std::exchange(chain.first, gup::detail::page_access::link(*chain.first)));
    s.store.close();
    CHECK(shop::destroyed == 1);
}

TEST_CASE("a cache never holds more than two batches") {
    shop s(6400);
    const auto taken = s.take(6400);
    s.give_back(taken);

    const auto* const mine = gup::detail::this_thread_magazines.current.load();
    REQUIRE(mine != nullptr);
    CHECK(mine->count <= gup::detail::magazine::places);
    CHECK(mine->count > 0);
    s.store.close();
}

TEST_CASE("a thread that uses two stores in turn keeps a cache of each") {
    shop one(6400);
    shop two(6400);
    for (int i = 0; i < 3; ++i) {
        gup::page* const first = one.store.take();
        gup::page* const second = two.store.take();
        const auto* const cache = gup::detail::this_thread_magazines.current.load();
        const std::uint32_t before = cache->count;
        one.store.give_back(*first);
        CHECK(gup::detail::this_thread_magazines.current != cache);
        two.store.give_back(*second);

        CHECK(gup::detail::this_thread_magazines.current == cache);
        CHECK(cache->count == before + 1); // not the list that all threads share
    }
    one.store.close();
    two.store.close();
}

TEST_CASE("a thread that gets and puts many pages over and over needs the list of all threads once") {
    shop s(1024);
    s.give_back(s.take(200));
    const auto* const cache = gup::detail::this_thread_magazines.current.load();
    const auto before = cache->count.load();
    for (int i = 0; i < 3; ++i) {
        const auto taken = s.take(200);
        CHECK(cache->count == before - 200);
        s.give_back(taken);
        CHECK(cache->count == before);
    }
    s.store.close();
}

TEST_CASE("threads that are many for a pool's pages do not take them from each other") {
    constexpr std::size_t threads = 8;
    shop s(64);
    std::vector<std::promise<void>> ends(threads);
    std::vector<std::thread> idle; // each with a cache, and whatever that keeps
    for (auto& end : ends) {
        std::promise<void> served;
        idle.emplace_back([&] {
            s.give_back(s.take(1));
            served.set_value();
            end.get_future().wait();
        });
        served.get_future().wait();
    }

    CHECK(counting_kernel::barriers == 0);
    for (auto& end : ends) end.set_value();
    for (auto& thread : idle) thread.join();
    s.store.close();
}

TEST_CASE("pages are taken one after the other from a thread's cache, or none") {
    shop s(200);
    std::vector<gup::page*> got;
    const auto take = [&](std::size_t wanted) {
        return s.store.take_each(wanted, [&](gup::page& p, std::size_t i) {
            CHECK(i == got.size());
            got.push_back(&p);
        });
    };
    CHECK_FALSE(take(1)); // the thread has none yet
    s.store.give_back(*s.store.take());
    const std::uint32_t held = gup::detail::this_thread_magazines.current.load()->count;

    CHECK_FALSE(take(held + 1));
    CHECK(got.empty());
    CHECK(take(held));
    CHECK(got.size() == held);
    CHECK(std::set<gup::page*>(got.begin(), got.end()).size() == held);
    CHECK(take(0));
    CHECK_FALSE(take(1));
    s.give_back(got);
    s.store.close();
    CHECK(shop::destroyed == 1);
}

TEST_CASE("references are ended as the only ones as long as they are, and there is room for their pages") {
    shop s(200);
    const auto taken = s.take(150);
    s.store.give_back(*taken[0]);
    const auto* const cache = gup::detail::this_thread_magazines.current.load();
    const std::uint32_t room = cache->capacity - cache->count;
    REQUIRE(room < 140);
    std::size_t asked = 0;
    const auto end_all_but = [&](std::size_t other) {
        return s.store.give_back_each(149, [&](std::size_t i) {
            ++asked;
            return i == other ? nullptr : taken[1 + i];
        });
    };

    CHECK(end_all_but(0) == 0);
    CHECK(asked == 1);
    CHECK(end_all_but(3) == 3);
    CHECK(asked == 5);
    CHECK(s.store.give_back_each(146, [&](std::size_t i) { return taken[4 + i]; }) == room - 3);
    CHECK(cache->count == cache->capacity);
    CHECK(s.store.give_back_each(1, [&](std::size_t) { return taken[149]; }) == 0);
    for (std::size_t i = 1 + room; i < taken.size(); ++i) s.store.give_back(*taken[i]);
    CHECK(s.store.free_pages() == 200);
    s.store.close();
    CHECK(shop::destroyed == 1);
}

TEST_CASE("no reference is ended as the only one once pages can be looked up, by whatever thread") {
    shop s(200);
    gup::page* const p = s.store.take();
    const auto end = [&](std::size_t) { return p; };
    CHECK(s.store.give_back_each(1, end) == 1); // and the thread has a cache
    CHECK(s.store.allow_lookups());

    CHECK(s.store.give_back_each(1, end) == 0);
    std::thread([&] {
        s.store.give_back(*s.store.take());
        CHECK(s.store.give_back_each(1, end) == 0); // nor with a cache made since
    }).join();
    s.store.close();
}

TEST_CASE("look-ups begin when a thread that is just ending an only reference is done") {
    shop s(200);
    gup::page* const p = s.store.take();
    gup::detail::magazine* const cache = gup::detail::this_thread_magazines.current.load();
    std::future<bool> looking;
    bool waited = false;
    CHECK(s.store.give_back_each(1, [&](std::size_t) {
        looking = std::async(std::launch::async, [&] { return s.store.allow_lookups(); });
        while (cache->open.load()) std::this_thread::yield(); // who closes it waits for us then
        waited = looking.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
        return p;
    }) == 1);

    CHECK(waited);
    CHECK(looking.get());
    CHECK(s.store.free_pages() == 200);
    s.store.close();
}

TEST_CASE("a thread that is just using its cache is waited for") {
    shop s(200);
    gup::page* const mine = s.store.take();
    s.store.give_back(*mine);
    gup::detail::magazine* const cache = gup::detail::this_thread_magazines.current.load();
    REQUIRE(cache->enter(s.store)); // as in the midst of a get

    auto all = std::async(std::launch::async, [&s] { return s.take(200); });
    while (cache->open.load()) std::this_thread::yield(); // who closes it waits for us then
    const bool waited = all.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
    gup::page* const got = cache->pop();
    cache->push(*got);
    cache->leave(s.store);

    CHECK(waited);
    const auto taken = all.get();
    REQUIRE(taken.back() != nullptr);
    CHECK(cache->count == 0);
    s.give_back(taken);
    s.store.close();
    CHECK(shop::destroyed == 1);
}
