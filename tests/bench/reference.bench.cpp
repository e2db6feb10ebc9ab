// SPDX-License-Identifier: BSL-1.0
// A second reference and its put, on pages in the first-level cache.
#include "support/hand.hpp"
#include "support/pair.hpp"
#include "support/pools.hpp"

#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t pages = 64;
constexpr std::size_t rounds = 200;
constexpr std::size_t operations = pages * rounds;

/// Takes and drops a second reference to each, round by round. The barrier in between keeps the compiler from
/// leaving out both.
template <class References, class RefAndPut>
void walk(References& references, RefAndPut ref_and_put) {
    for (std::size_t round = 0; round < rounds; ++round)
        for (auto& r : references) ref_and_put(r);
}

constexpr auto by_gup = [](const auto& r) {
    auto again = gup::ref_user_page(r);
    benchmark::ClobberMemory();
    gup::put_user_page(std::move(again), gup::clean);
};

constexpr auto by_hand = [](const auto& r) {
    auto again = r.template again<true>();
    benchmark::ClobberMemory();
    again.put();
};

const bool shared = gup_bench::compare(
    501,
    {.name = "ref_put_shared",
     .reference = "the same atomics by hand, with the tests for overflow and for the last put",
     .unit = "ns per ref and put",
     .target = 1.05},
    [](gup_bench::measurement& m) {
        gup_bench::shared_pool pool(pages);
        std::vector<hand::page<hand::shared_count>> hand_pages(pages);
        std::vector<hand::ref<hand::shared_count>> hand_references;
        for (auto& p : hand_pages) {
            p.count.start();
            hand_references.emplace_back(&p);
        }
        auto references = pool.get_all();
        m.batches(
            operations, [&] { walk(references, by_gup); }, [&] { walk(hand_references, by_hand); });
    });

const bool local = gup_bench::compare(501,
                                      {.name = "ref_put_local",
                                       .reference = "ref_put_shared of gup, pages in the first-level cache",
                                       .unit = "ns per ref and put",
                                       .target = 0.12},
                                      [](gup_bench::measurement& m) {
                                          gup_bench::local_pool local_pool(pages);
                                          gup_bench::shared_pool shared_pool(pages);
                                          auto local_references = local_pool.get_all();
                                          auto shared_references = shared_pool.get_all();
                                          m.batches(
                                              operations, [&] { walk(local_references, by_gup); },
                                              [&] { walk(shared_references, by_gup); });
                                      });

const bool shared_ptr =
    gup_bench::compare(501,
                       {.name = "ref_put_vs_shared_ptr",
                        .reference = "copy and drop of a std::shared_ptr in a process with threads",
                        .unit = "ns per ref and put",
                        .target = 0.80},
                       [](gup_bench::measurement& m) {
                           // libstdc++ counts without atomics in a process that never had a second thread
                           std::promise<void> end;
                           std::thread other([wait = end.get_future()]() mutable { wait.get(); });
                           gup_bench::shared_pool pool(pages);
                           auto references = pool.get_all();
                           std::vector<std::shared_ptr<int>> pointers;
                           for (std::size_t i = 0; i < pages; ++i)
                               pointers.push_back(std::make_shared<int>(0));
                           m.batches(
                               operations, [&] { walk(references, by_gup); },
                               [&] {
                                   walk(pointers, [](const std::shared_ptr<int>& p) {
                                       auto again = p;
                                       benchmark::ClobberMemory();
                                   });
                               });
                           end.set_value();
                           other.join();
                       });

} // namespace
