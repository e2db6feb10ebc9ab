// SPDX-License-Identifier: BSL-1.0
// Finding a page by its name: the fast way against a map under a lock, and two threads against one; and the
// insert of a name that takes longest.
#include "gup/address_space.hpp"
#include "support/pair.hpp"
#include "support/pools.hpp"
#include "support/threads.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <malloc.h>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using domain = gup::mlock_domain;
using plain = gup::page_ref<domain>;
constexpr auto read = gup::dma_access::read;
constexpr std::size_t names = 512;

/// Pages under names that are no run, each with a published proxy; and the order in which they are asked for.
struct named_pages {
    named_pages() {
        std::mt19937_64 random(1); // NOLINT: the same every time
        for (std::size_t i = 0; i < names; ++i) {
            order.push_back(random());
            const auto page = gup::get_page(pool);
            space.insert(order.back(), page);
            found.emplace(order.back(), std::move(*gup::find_get_page(space, order.back())));
        }
    }
    void find_fast(std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            auto page = gup::get_user_page_fast<read>(space, order[i]);
            benchmark::DoNotOptimize(page);
            gup::put_user_page(std::move(*page));
        }
    }
    /// The same count operations, on the same proxies.
    void find_in_map() {
        for (const std::uint64_t index : order) {
            gup::user_page_ref<domain, read> page;
            {
                const std::shared_lock lock(mutex);
                page = gup::get_user_page<read>(found.find(index)->second);
            }
            benchmark::DoNotOptimize(page);
            gup::put_user_page(std::move(page));
        }
    }

    gup_bench::shared_pool pool{names};
    gup::address_space<domain> space{};
    std::vector<std::uint64_t> order{};
    std::shared_mutex mutex{};
    std::unordered_map<std::uint64_t, plain> found{};
};

const bool fast_path = gup_bench::compare(
    501,
    {.name = "fast_path",
     .reference = "find in std::unordered_map under std::shared_mutex, and the same pin and put",
     .unit = "ns per page",
     .target = 0.6},
    [](gup_bench::measurement& m) {
        named_pages pages;
        m.batches(
            names, [&] { pages.find_fast(0, names); }, [&] { pages.find_in_map(); });
    });

/// Pages found in a second by this many threads, each with names of its own.
double rate(named_pages& pages, std::size_t threads) {
    constexpr std::size_t share = names / 2;
    return gup_bench::rate(threads, 200, share,
                           [&](std::size_t i) { pages.find_fast(i * share, (i + 1) * share); });
}

const bool two_threads =
    gup_bench::compare(21,
                       {.name = "find_two_threads",
                        .reference = "one thread, in the same space",
                        .unit = "pages found in a second",
                        .target = 1.6,
                        .direction = gup_bench::better::higher},
                       [](gup_bench::measurement& m) {
                           if (std::thread::hardware_concurrency() < 2) return m.skip("needs two processors");
                           named_pages pages;
                           m.costs(
                               1, [&] { return rate(pages, 2); }, [&] { return rate(pages, 1); });
                       });

/// Seconds of the insert that takes longest while so many names come. Each counts as it was the fastest of
/// some times, in which it did the same: what else the machine does is not the table's.
double longest_insert(std::size_t count) {
    std::vector<double> fastest(count, 1);
    for (int round = 0; round < 3; ++round) {
        ::malloc_trim(0); // memory comes from the kernel, each time and for few names as for many
        gup::detail::name_table table;
        std::mt19937_64 random(1); // NOLINT: the same every time
        for (double& seconds : fastest) {
            const std::uint64_t index = random();
            seconds = std::min(seconds, gup_bench::seconds([&] {
                                   table.make_room();
                                   table.add(index, 1);
                               }));
        }
    }
    return *std::max_element(fastest.begin(), fastest.end());
}

const bool name_insert_worst = gup_bench::compare(7,
                                                  {.name = "name_insert_worst",
                                                   .reference = "the longest among a hundredth of the names",
                                                   .unit = "us, of a million names",
                                                   .target = 20},
                                                  [](gup_bench::measurement& m) {
                                                      m.costs(
                                                          1e6, [] { return longest_insert(1'000'000); },
                                                          [] { return longest_insert(10'000); });
                                                  });

} // namespace
