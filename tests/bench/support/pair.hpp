// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Measures gup against a reference as pairs of batches: one of each, one right after the other, in
/// alternating order, a ratio for every pair, and the median of the ratios.
///
/// Google Benchmark's own --benchmark_enable_random_interleaving mixes whole repetitions of half a second and
/// more and compares their summaries: on a shared machine whatever slows one of them down goes straight into
/// the ratio. The two batches of a pair are a millisecond apart, so that frequency, neighbours and cache
/// pressure act on both and divide out, and a batch that was interrupted spoils one sample of hundreds.
/// Google Benchmark names, selects and runs.

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gup_bench {

enum class better { lower, higher };

/// What a row of the report says before it is measured.
struct row {
    std::string name;
    std::string reference; ///< what it is measured against
    std::string unit;      ///< of the two sides of the ratio
    std::optional<double> target; ///< none for a figure that is only reported
    better direction = better::lower;
};

/// One pair: the cost of a batch of each side, in the unit of the row or seconds.
struct pair {
    double subject;
    double reference;
};

struct result {
    row what;
    std::vector<pair> pairs;
    double scale = 1;    ///< from the pairs' unit to the row's
    std::string skipped; ///< why there are no pairs
};

/// All rows, in the order in which they were registered.
inline std::vector<result>& results() {
    static std::vector<result> all;
    return all;
}

/// Seconds that `body` takes.
template <class Body>
double seconds(Body&& body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What a benchmark is given to measure with.
class measurement {
public:
    measurement(benchmark::State& state, result& into) noexcept : state_(state), into_(into) {}

    /// Why the row cannot be measured on this machine.
    void skip(const std::string& why) {
        into_.skipped = why;
        state_.SkipWithError(into_.skipped.c_str());
    }

    /// Runs the pairs. Both functions return what their batch cost; `scale` turns that into the row's unit.
    template <class Subject, class Reference>
    void costs(double scale, Subject subject, Reference reference) {
        into_.scale = scale;
        bool reference_first = false;
        subject();
        reference();
        for (auto _ : state_) {
            pair sample{};
            if (reference_first) sample.reference = reference();
            sample.subject = subject();
            if (!reference_first) sample.reference = reference();
            reference_first = !reference_first;
            state_.SetIterationTime(sample.subject);
            into_.pairs.push_back(sample);
        }
    }

    /// As costs, for batches of `operations` operations whose duration counts, in nanoseconds.
    template <class Subject, class Reference>
    void batches(std::size_t operations, Subject subject, Reference reference) {
        costs(
            1e9 / static_cast<double>(operations), [&] { return seconds(subject); },
            [&] { return seconds(reference); });
    }

private:
    benchmark::State& state_;
    result& into_;
};

/// Registers a row of `samples` pairs.
inline bool compare(int samples, row what, std::function<void(measurement&)> measure) {
    const std::size_t place = results().size();
    results().push_back({.what = what, .pairs = {}, .skipped = {}});
    benchmark::RegisterBenchmark(what.name.c_str(),
                                 [=](benchmark::State& state) {
                                     measurement m(state, results()[place]);
                                     measure(m);
                                 })
        ->Iterations(samples)
        ->UseManualTime();
    return true;
}

/// Registers a figure that one look gives, as both sides of a ratio.
inline bool compare(row what, std::function<pair()> look) {
    return compare(1, std::move(what), [look](measurement& m) {
        const pair found = look();
        m.costs(
            1, [&] { return found.subject; }, [&] { return found.reference; });
    });
}

} // namespace gup_bench
