// SPDX-License-Identifier: BSL-1.0
// The example uring_copy on real data: against itself without registered buffers, and against dd.
#include "support/child.hpp"
#include "support/pair.hpp"
#include "support/real_file.hpp"

#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

const std::string output = "bench-output";

/// Where both begin: the disk has no copy and nothing else to do, and the page cache nothing of the input.
void start_cold(const std::string& input) {
    std::filesystem::remove(output);
    ::sync();
    const int file = ::open(input.c_str(), O_RDONLY | O_CLOEXEC);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
}

using command = std::vector<std::string>;

/// Measures a figure of what the one command costs against that of the other.
void compare_copies(gup_bench::measurement& m, const gup_bench::real_file& input,
                    double (*figure)(const gup_bench::run_cost&), const command& subject,
                    const command& reference) {
    if (input.path().empty()) return m.skip("no room for, or not enough of, real data here");
    const auto copy = [&](const command& chosen) {
        start_cold(input.path());
        return gup_bench::cost_of(chosen);
    };
    if (copy(subject) && copy(reference))
        m.costs(
            1, [&] { return figure(copy(subject).value()); },
            [&] { return figure(copy(reference).value()); });
    else
        m.skip("uring_copy or dd is missing, or fails here, see above");
    std::filesystem::remove(output);
}

const bool copy_cpu = gup_bench::compare(
    11,
    {.name = "copy_cpu",
     .reference = "uring_copy --plain, the same slab of 4 KiB pages, 1 GiB, O_DIRECT",
     .unit = "CPU s per copy",
     .target = 0.85},
    [](gup_bench::measurement& m) {
        const gup_bench::real_file input(gup_bench::gibibyte);
        compare_copies(m, input, [](const gup_bench::run_cost& run) { return run.cpu(); },
                       {GUP_BENCH_URING_COPY, "--memory", "small", input.path(), output},
                       {GUP_BENCH_URING_COPY, "--plain", "--memory", "small", input.path(), output});
    });

const bool copy_wall_vs_dd =
    gup_bench::compare(11,
                       {.name = "copy_wall_vs_dd",
                        .reference = "dd bs=1M, O_DIRECT, of the same 2 GiB, until they are on the disk",
                        .unit = "s per copy",
                        .target = 0.7},
                       [](gup_bench::measurement& m) {
                           const gup_bench::real_file input(2 * gup_bench::gibibyte);
                           compare_copies(m, input, [](const gup_bench::run_cost& run) { return run.wall; },
                                          {GUP_BENCH_URING_COPY, input.path(), output},
                                          {"dd", "if=" + input.path(), "of=" + output, "bs=1M",
                                           "iflag=direct", "oflag=direct", "conv=fsync", "status=none"});
                       });

} // namespace
