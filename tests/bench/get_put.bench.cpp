// SPDX-License-Identifier: BSL-1.0
// Pages from a pool and back: one at a time, in bulk, and from two threads at once.
#include "support/dpdk.hpp"
#include "support/hand.hpp"
#include "support/pair.hpp"
#include "support/pools.hpp"
#include "support/threads.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t pages = 1024;
constexpr std::size_t operations = 16384;
constexpr std::size_t bulk = gup_bench::dpdk::bulk;

void get_and_put_single(gup_bench::shared_pool& pool, gup::put_as decision = gup::clean) {
    for (std::size_t i = 0; i < operations; ++i) {
        auto ref = gup::get_user_page(pool);
        benchmark::ClobberMemory();
        gup::put_user_page(std::move(ref), decision);
    }
}

void get_and_put_bulk(gup_bench::shared_pool& pool) {
    std::array<gup::user_page_ref<gup::mlock_domain>, bulk> array;
    const std::span<gup::user_page_ref<gup::mlock_domain>> refs(array);
    for (std::size_t i = 0; i < operations; i += bulk) {
        gup::get_user_pages(pool, refs);
        benchmark::ClobberMemory();
        gup::put_user_pages(refs, gup::clean);
    }
}

/// The hand-written list of this thread, filled for as long as this object lives.
class hand_pages {
public:
    hand_pages() : pages_(pages) {
        for (auto& p : pages_) hand::this_thread_pages.push(p);
    }
    hand_pages(const hand_pages&) = delete;
    hand_pages& operator=(const hand_pages&) = delete;
    ~hand_pages() { hand::this_thread_pages = {}; }

    void get_and_put_single() {
        for (std::size_t i = 0; i < operations; ++i) {
            auto* const p = hand::this_thread_pages.get();
            benchmark::ClobberMemory();
            hand::this_thread_pages.put(p);
        }
    }
    void get_and_put_dirty() {
        for (std::size_t i = 0; i < operations; ++i) {
            auto* const p = hand::this_thread_pages.get();
            benchmark::ClobberMemory();
            hand::this_thread_pages.put_dirty(p);
        }
    }

private:
    std::vector<hand::free_list::page_type> pages_;
};

const bool single = gup_bench::compare(
    501,
    {.name = "get_put_single",
     .reference = "a hand-written free list per thread whose put does the same decrement",
     .unit = "ns per get and put",
     .target = 0.7},
    [](gup_bench::measurement& m) {
        gup_bench::shared_pool pool(pages);
        hand_pages by_hand;
        m.batches(
            operations, [&] { get_and_put_single(pool); }, [&] { by_hand.get_and_put_single(); });
    });

const bool dirty = gup_bench::compare(
    501,
    {.name = "get_put_dirty",
     .reference = "the same hand-written list, whose put first marks the page as another thread clears it",
     .unit = "ns per get and put",
     .target = 0.7},
    [](gup_bench::measurement& m) {
        gup_bench::shared_pool pool(pages);
        hand_pages by_hand;
        m.batches(
            operations, [&] { get_and_put_single(pool, gup::dirty); }, [&] { by_hand.get_and_put_dirty(); });
    });

const bool single_against_dpdk =
    gup_bench::compare(501,
                       {.name = "get_put_vs_dpdk",
                        .reference = "DPDK's rte_mempool, which counts nothing",
                        .unit = "ns per get and put",
                        .target = 0.95},
                       [](gup_bench::measurement& m) {
                           if (const auto why = gup_bench::dpdk::start(pages); !why.empty())
                               return m.skip(why);
                           gup_bench::shared_pool pool(pages);
                           m.batches(
                               operations, [&] { get_and_put_single(pool); },
                               [&] { gup_bench::dpdk::get_and_put_single(operations); });
                       });

const bool in_bulk = gup_bench::compare(501,
                                        {.name = "get_put_bulk32",
                                         .reference = "the same hand-written list, one page at a time",
                                         .unit = "ns per page",
                                         .target = 0.3},
                                        [](gup_bench::measurement& m) {
                                            gup_bench::shared_pool pool(pages);
                                            hand_pages by_hand;
                                            m.batches(
                                                operations, [&] { get_and_put_bulk(pool); },
                                                [&] { by_hand.get_and_put_single(); });
                                        });

const bool bulk_against_dpdk = gup_bench::compare(
    501,
    {.name = "bulk32_vs_dpdk",
     .reference = "DPDK's rte_mempool, which moves the pointers and touches no page's count",
     .unit = "ns per page",
     .target = {}},
    [](gup_bench::measurement& m) {
        if (const auto why = gup_bench::dpdk::start(pages); !why.empty()) return m.skip(why);
        gup_bench::shared_pool pool(pages);
        m.batches(
            operations, [&] { get_and_put_bulk(pool); },
            [&] { gup_bench::dpdk::get_and_put_bulk(operations); });
    });

/// Gets `out` pages one by one and then puts them, over and over.
void get_and_put_with_many_out(gup_bench::shared_pool& pool) {
    constexpr std::size_t out = 200;
    std::vector<gup::user_page_ref<gup::mlock_domain>> refs(out);
    for (std::size_t i = 0; i < operations; i += out) {
        for (auto& ref : refs) ref = gup::get_user_page(pool);
        benchmark::ClobberMemory();
        for (auto& ref : refs) gup::put_user_page(std::move(ref), gup::clean);
    }
}

/// Pages got and put in a second by this many threads.
double rate(gup_bench::shared_pool& pool, std::size_t threads) {
    return gup_bench::rate(threads, 100, operations, [&](std::size_t) { get_and_put_single(pool); });
}

const bool two_threads =
    gup_bench::compare(21,
                       {.name = "get_put_two_threads",
                        .reference = "one thread, by the rate of both threads together (higher is better)",
                        .unit = "gets and puts per s",
                        .target = 1.6,
                        .direction = gup_bench::better::higher},
                       [](gup_bench::measurement& m) {
                           if (std::thread::hardware_concurrency() < 2)
                               return m.skip("two threads need two processors");
                           gup_bench::shared_pool pool(pages);
                           m.costs(
                               1, [&] { return rate(pool, 2); }, [&] { return rate(pool, 1); });
                       });

/// The same by threads that have many pages out.
double rate_with_many_out(gup_bench::shared_pool& pool, std::size_t threads) {
    return gup_bench::rate(threads, 100, operations, [&](std::size_t) { get_and_put_with_many_out(pool); });
}

const bool two_threads_with_many_out = gup_bench::compare(
    21,
    {.name = "get_put_two_threads_200_out",
     .reference = "one thread, each thread with 200 pages out (higher is better)",
     .unit = "gets and puts per s",
     .target = 1.6,
     .direction = gup_bench::better::higher},
    [](gup_bench::measurement& m) {
        if (std::thread::hardware_concurrency() < 2) return m.skip("two threads need two processors");
        gup_bench::shared_pool pool(pages);
        m.costs(
            1, [&] { return rate_with_many_out(pool, 2); }, [&] { return rate_with_many_out(pool, 1); });
    });

} // namespace
