// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How much several threads do together.

#include "support/pair.hpp"

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace gup_bench {

/// Operations in a second of this many threads, which all begin at once: each runs `batch(thread)`, which is
/// so many operations, once to warm up and then `batches` times.
template <class Batch>
double rate(std::size_t threads, std::size_t batches, std::size_t operations, Batch batch) {
    std::atomic<std::size_t> waiting{threads};
    std::vector<double> taken(threads);
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i)
        running.emplace_back([&, i] {
            batch(i);
            waiting.fetch_sub(1);
            while (waiting.load() != 0) {
            }
            taken[i] = seconds([&] {
                for (std::size_t done = 0; done < batches; ++done) batch(i);
            });
        });
    for (auto& t : running) t.join();
    double sum = 0;
    for (const double seconds : taken) sum += static_cast<double>(batches * operations) / seconds;
    return sum;
}

} // namespace gup_bench
