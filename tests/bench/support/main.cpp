// SPDX-License-Identifier: BSL-1.0
// gup-bench [--ratios=FILE] [options of Google Benchmark]: measures the rows, prints each and writes all to
// FILE. A missed target is a figure, not an error; only what keeps the rows from being measured and written
// makes it fail.
#include "support/report.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

class row_printer : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override {
        gup_bench::print_heading();
        return true;
    }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const gup_bench::result& r : gup_bench::results())
            if (r.what.name == runs.front().run_name.function_name) gup_bench::print(r);
        std::fflush(stdout);
    }
};

/// Takes --ratios=FILE out of the arguments; Google Benchmark does not know it.
std::string take_ratios_option(int& count, char** arguments) {
    constexpr std::string_view option = "--ratios=";
    std::string file;
    char** const end = std::remove_if(arguments + 1, arguments + count, [&](std::string_view argument) {
        if (!argument.starts_with(option)) return false;
        file = argument.substr(option.size());
        return true;
    });
    count = static_cast<int>(end - arguments);
    return file;
}

} // namespace

int main(int count, char** arguments) {
    const std::string file = take_ratios_option(count, arguments);
    benchmark::Initialize(&count, arguments);
    if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;

    row_printer printer;
    benchmark::RunSpecifiedBenchmarks(&printer);
    if (file.empty()) return 0;
    std::ofstream out(file);
    gup_bench::write_json(out, gup_bench::results());
    out.close();
    if (!out) return std::fprintf(stderr, "gup-bench: cannot write %s\n", file.c_str()), 1;
    return 0;
}
