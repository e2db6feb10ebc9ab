// SPDX-License-Identifier: BSL-1.0
#include "support/dpdk.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mempool.h>
#include <sched.h>
#include <vector>

namespace gup_bench::dpdk {

namespace {

rte_mempool* pool = nullptr;

/// Starts the framework on this thread, which it ties to a processor: that would be the other rows' too.
bool start_framework() {
    cpu_set_t before;
    if (sched_getaffinity(0, sizeof before, &before) != 0) return false;
    int processor = 0;
    while (!CPU_ISSET(processor, &before)) ++processor;
    std::vector<std::string> words{"gup-bench",
                                   "--no-huge",
                                   "--no-pci",
                                   "-m",
                                   "64",
                                   "--no-shconf",
                                   "--no-telemetry",
                                   "--log-level=*:error",
                                   "-l",
                                   std::to_string(processor)};
    std::vector<char*> arguments;
    std::transform(words.begin(), words.end(), std::back_inserter(arguments),
                   [](std::string& word) { return word.data(); });
    const bool started = rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) >= 0;
    return sched_setaffinity(0, sizeof before, &before) == 0 && started;
}

} // namespace

std::string start(std::size_t buffers) {
    if (pool != nullptr) return {};
    static const bool started = start_framework();
    if (!started) return std::string("DPDK does not start: ") + rte_strerror(rte_errno);
    constexpr unsigned buffer_size = 4096;
    constexpr unsigned kept_by_thread = 256;
    pool = rte_mempool_create("gup-bench", static_cast<unsigned>(buffers - 1), buffer_size, kept_by_thread, 0,
                              nullptr, nullptr, nullptr, nullptr, SOCKET_ID_ANY, 0);
    return pool != nullptr ? "" : std::string("DPDK makes no pool: ") + rte_strerror(rte_errno);
}

void get_and_put_single(std::size_t operations) {
    for (std::size_t i = 0; i < operations; ++i) {
        void* buffer = nullptr;
        if (rte_mempool_get(pool, &buffer) != 0) return;
        benchmark::DoNotOptimize(buffer);
        benchmark::ClobberMemory();
        rte_mempool_put(pool, buffer);
    }
}

void get_and_put_bulk(std::size_t operations) {
    std::array<void*, bulk> buffers{};
    for (std::size_t i = 0; i < operations; i += bulk) {
        if (rte_mempool_get_bulk(pool, buffers.data(), bulk) != 0) return;
        benchmark::DoNotOptimize(buffers);
        benchmark::ClobberMemory();
        rte_mempool_put_bulk(pool, buffers.data(), bulk);
    }
}

} // namespace gup_bench::dpdk
