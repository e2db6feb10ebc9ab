// SPDX-License-Identifier: BSL-1.0
// The example uring_copy on a real gibibyte, with fixed buffers and with plain ones.
#include "support/child.hpp"
#include "support/pair.hpp"
#include "support/real_file.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace {

/// Copies with memory of this kind, with fixed buffers and with plain ones in turn.
void copy_both(gup_bench::measurement& m, const std::string& memory) {
    const gup_bench::real_file input;
    if (input.path().empty()) return m.skip("no room for, or not enough of, a gibibyte of real data here");
    const std::string output = "bench-output";
    const auto copy = [&](std::vector<std::string> command) {
        command.insert(command.end(), {"--memory", memory, input.path(), output});
        return gup_bench::cpu_time_of(command);
    };
    const std::vector<std::string> fixed{GUP_BENCH_URING_COPY}, plain{GUP_BENCH_URING_COPY, "--plain"};
    if (copy(fixed) && copy(plain))
        m.costs(
            1, [&] { return copy(fixed).value().sum(); }, [&] { return copy(plain).value().sum(); });
    else
        m.skip("uring_copy is missing, or fails here, see above");
    std::filesystem::remove(output);
}

const bool copy_cpu =
    gup_bench::compare(11,
                       {.name = "copy_cpu",
                        .reference = "uring_copy --plain, the same slab of huge pages, 1 GiB, O_DIRECT",
                        .unit = "CPU s per copy",
                        .target = 0.85},
                       [](gup_bench::measurement& m) { copy_both(m, "automatic"); });

const bool copy_cpu_4k = gup_bench::compare(11,
                                            {.name = "copy_cpu_4k",
                                             .reference = "the same on a slab of 4 KiB pages",
                                             .unit = "CPU s per copy",
                                             .target = 0.85},
                                            [](gup_bench::measurement& m) { copy_both(m, "small"); });

} // namespace
