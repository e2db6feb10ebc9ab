// SPDX-License-Identifier: BSL-1.0
// Pools used by several threads at once; also what ThreadSanitizer is to look at.
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>

using namespace gup_test;

namespace {

/// Where threads leave references for each other.
class mailbox {
public:
    void leave(writer_ref ref) {
        const std::lock_guard lock(lock_);
        refs_.push_back(std::move(ref));
        if (refs_.size() > 8) refs_.erase(refs_.begin());
    }
    writer_ref take() {
        const std::lock_guard lock(lock_);
        if (refs_.empty()) return {};
        writer_ref ref = std::move(refs_.back());
        refs_.pop_back();
        return ref;
    }

private:
    std::mutex lock_;
    std::vector<writer_ref> refs_;
};

/// Several threads that do all that can be done to a pool at once.
class turmoil {
public:
    turmoil(pretended_pool& pool, bool with_lookups) : pool_(pool), with_lookups_(with_lookups) {
        const auto all = gup::get_user_pages(pool, pool.pages());
        base_ = all[0].bytes().data();
        for (const auto& ref : all) base_ = std::min<const std::byte*>(base_, ref.bytes().data());
    }

    /// What one thread does.
    void work(unsigned seed, int steps) {
        std::minstd_rand random(seed);
        for (int i = 0; i < steps; ++i) step(random);
    }

    /// Pages that two threads had at the same time as their own.
    int intruded() const { return intruded_; }

private:
    void step(std::minstd_rand& random) {
        switch (random() % 6) {
        case 0:
            return own_page();
        case 1:
            return own_pages(1 + random() % 20);
        case 2:
            if (auto ref = gup::try_get_user_page(pool_)) mail_.leave(std::move(*ref));
            return;
        case 3:
            return share();
        case 4:
            if (with_lookups_) look_up(random() % (2 * pool_.pages()));
            return;
        default:
            if (with_lookups_ && random() % 16 == 0) write_back();
        }
    }
    /// Writes a number of its own into the page and finds it again.
    void own_page() {
        auto ref = gup::try_get_user_page(pool_);
        if (!ref) return;
        const std::uint64_t mine = ++stamp_;
        std::memcpy(ref->bytes().data(), &mine, sizeof mine);
        std::uint64_t seen = 0;
        std::memcpy(&seen, ref->bytes().data(), sizeof seen);
        if (seen != mine) ++intruded_;
        gup::put_user_page(std::move(*ref), mine % 2 == 0 ? gup::clean : gup::dirty);
    }
    void own_pages(std::size_t count) {
        std::vector<writer_ref> refs(count);
        if (!gup::try_get_user_pages(pool_, std::span(refs))) return;
        const std::uint64_t mine = ++stamp_;
        for (const auto& ref : refs) std::memcpy(ref.bytes().data(), &mine, sizeof mine);
        for (const auto& ref : refs)
            if (std::memcmp(ref.bytes().data(), &mine, sizeof mine) != 0) ++intruded_;
        gup::put_user_pages(std::move(refs), gup::clean);
    }
    void share() {
        auto ref = mail_.take();
        if (!ref) return;
        mail_.leave(gup::ref_user_page(ref));
        auto reader = gup::ref_user_page<gup::dma_access::read>(ref);
        gup::put_user_page(std::move(ref), gup::clean);
        if (!gup::page_maybe_dma_pinned(reader)) ++intruded_;
        gup::put_user_page(std::move(reader));
    }
    void look_up(std::size_t place) {
        const std::byte* const address = base_ + place * 2048;
        auto found = gup::find_get_page(pool_, address);
        if (!found) return;
        if (gup::page_to_pfn(*found) != reinterpret_cast<std::uintptr_t>(address) / 4096) ++intruded_;
        auto pin = gup::get_user_page<gup::dma_access::read>(*found);
        gup::put_page(std::move(*found));
        gup::put_user_page(std::move(pin));
    }
    void write_back() {
        for (auto page : pool_.dirty_pages()) gup::clear_page_dirty_for_io(page);
    }

    pretended_pool& pool_;
    const bool with_lookups_;
    const std::byte* base_ = nullptr;
    mailbox mail_;
    std::atomic<std::uint64_t> stamp_{0};
    std::atomic<int> intruded_{0};
};

struct kernel_without_membarrier : gup::system_kernel {
    static int membarrier(int) noexcept { return -ENOSYS; }
};

constexpr int lives = 5;
constexpr int steps = 15000;

void four_threads_at_once(std::size_t pages, bool with_lookups) {
    pretended domain;
    {
        pretended_pool pool(domain, small(pages));
        std::optional<turmoil> all(std::in_place, pool, with_lookups);
        std::vector<std::thread> threads;
        for (unsigned number = 0; number < 4; ++number)
            threads.emplace_back([&all, number] {
                for (unsigned life = 0; life < lives;
                     ++life) // each on a thread that ends with pages in its cache
                    on_another_thread([&] { all->work(number * lives + life + 1, steps); });
            });
        for (auto& thread : threads) thread.join();

        CHECK(all->intruded() == 0);
        all.reset();
        CHECK(pool.stats().free == pages);
        CHECK(pool.stats().pinned == 0);
        CHECK(gettable(pool) == pages);
    }
    CHECK(domain.log->releases == 1);
}

} // namespace

TEST_CASE("four threads that get and share and pass on and put lose no page") {
    four_threads_at_once(24, false);
    four_threads_at_once(600, false);
}

TEST_CASE("four threads that also look pages up lose no page") {
    four_threads_at_once(24, true);
    four_threads_at_once(600, true);
}

namespace {

/// Puts references, all in a batch or each by itself.
void put_each(std::vector<writer_ref> refs, bool in_batch, gup::put_as decision) {
    if (in_batch) return gup::put_user_pages(std::move(refs), decision);
    for (auto& ref : refs) gup::put_user_page(std::move(ref), decision);
}

} // namespace

TEST_CASE("the first look-ups of a pool and puts at the same time agree on who holds what") {
    for (int round = 0; round < 200; ++round) {
        auto pool = pool_of(64);
        auto refs = gup::get_user_pages(pool, 32);
        std::vector<const std::byte*> addresses;
        for (const auto& ref : refs) addresses.push_back(ref.bytes().data());
        std::barrier<> together(2);
        std::vector<plain_ref> found;

        std::thread looking([&] {
            together.arrive_and_wait();
            for (auto at = addresses.rbegin(); at != addresses.rend(); ++at)
                if (auto ref = gup::find_get_page(pool, *at)) found.push_back(std::move(*ref));
        });
        together.arrive_and_wait();
        put_each(std::move(refs), round % 2 == 0, round % 4 < 2 ? gup::clean : gup::dirty);
        looking.join();

        REQUIRE(pool.stats().free == 64 - found.size());
        REQUIRE(gettable(pool) == 64 - found.size());
        found.clear();
        REQUIRE(gettable(pool) == 64);
    }
}

TEST_CASE("look-ups of one page and puts of it leave an exact count") {
    const bool in_batch = GENERATE(false, true);
    auto pool = pool_of(1);
    const std::byte* const address = [&pool] {
        const auto ref = gup::get_user_page(pool);
        return ref.bytes().data();
    }();
    constexpr int rounds = 300'000;
    std::atomic<bool> begun{false};
    std::atomic<bool> done{false};
    std::thread looking([&] {
        while (!done) {
            if (auto found = gup::find_get_page(pool, address)) gup::put_page(std::move(*found));
            begun = true;
        }
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i < rounds; ++i) {
        std::vector<writer_ref> refs(1);
        if (gup::try_get_user_pages(pool, std::span(refs))) put_each(std::move(refs), in_batch, gup::dirty);
    }
    done = true;
    looking.join();

    CHECK(pool.stats().free == 1);
    CHECK(gettable(pool) == 1);
}

TEMPLATE_TEST_CASE("a thread that takes nearly all pages takes none that another is just getting or putting",
                   "", pretended, pretend_domain<kernel_without_membarrier>) {
    using reference = gup::user_page_ref<TestType>;
    constexpr std::size_t pages = 256;
    gup::page_pool pool(TestType{}, small(pages));
    std::atomic<bool> done{false};
    std::atomic<int> shared{0};
    const auto use = [&shared](const reference& ref, std::uint64_t mine) {
        std::uint64_t seen = 0;
        std::memcpy(ref.bytes().data(), &mine, sizeof mine);
        std::memcpy(&seen, ref.bytes().data(), sizeof seen);
        if (seen != mine) ++shared;
    };
    std::thread singles([&] {
        while (!done)
            if (auto ref = gup::try_get_user_page(pool)) {
                use(*ref, 1);
                gup::put_user_page(std::move(*ref), gup::clean);
            }
    });
    for (int round = 0; round < 1000; ++round) {
        std::vector<reference> refs(pages - 4);
        if (!gup::try_get_user_pages(pool, std::span(refs))) continue;
        for (const auto& ref : refs) use(ref, 2);
        gup::put_user_pages(std::move(refs), gup::clean);
    }
    done = true;
    singles.join();

    CHECK(shared == 0);
    CHECK(pool.stats().free == pages);
    CHECK(gettable(pool) == pages);
}

TEST_CASE("a pool closed while several threads hold its pages is released once by the last of them") {
    for (int round = 0; round < 30; ++round) {
        pretended domain;
        std::optional<pretended_pool> pool(std::in_place, domain, small(200));
        std::barrier<> together(4);
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&pool, &together] {
                auto refs = gup::get_user_pages(*pool, 40);
                auto more = gup::get_user_page(*pool);
                together.arrive_and_wait(); // from here on the pool may be closed
                for (const auto& ref : refs) ref.bytes()[17] = std::byte{1};
                gup::put_user_page(std::move(more), gup::dirty);
                gup::put_user_pages(std::move(refs), gup::clean);
            });
        together.arrive_and_wait();
        pool.reset();
        for (auto& thread : threads) thread.join();

        REQUIRE(domain.log->releases == 1);
    }
}

TEST_CASE("threads that end while pools end leave nothing behind") {
    for (int round = 0; round < 50; ++round) {
        pretended domain;
        std::optional<pretended_pool> pool(std::in_place, domain, small(64));
        std::barrier<> together(3);
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] {
                gup::put_user_page(gup::get_user_page(*pool), gup::clean);
                together.arrive_and_wait(); // and end, while the pool is closed
            });
        together.arrive_and_wait();
        pool.reset();
        for (auto& thread : threads) thread.join();

        REQUIRE(domain.log->releases == 1);
    }
}
