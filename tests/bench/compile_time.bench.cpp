// SPDX-License-Identifier: BSL-1.0
// Including gup/user_page_ref.hpp, or all of gup/gup.hpp, against including the standard headers that it and
// what it includes use.
#include "support/child.hpp"
#include "support/pair.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>

namespace {

/// The headers that a header of gup reaches through headers of gup.
struct includes {
    std::set<std::string> own;
    std::set<std::string> standard;

    void follow(const std::string& header) {
        if (!own.insert(header).second) return;
        std::ifstream in(std::filesystem::path(GUP_BENCH_INCLUDE) / header);
        for (std::string line; std::getline(in, line);) {
            if (line.rfind("#include ", 0) != 0) continue;
            const std::string name = line.substr(10, line.find_first_of("\">", 10) - 10);
            if (line[9] == '"')
                follow(name);
            else
                standard.insert(name);
        }
    }
};

std::string write_source(const std::string& name, const std::set<std::string>& headers) {
    std::ofstream out(name);
    for (const std::string& header : headers) out << "#include <" << header << ">\n";
    return name;
}

void compile_both(gup_bench::measurement& m, const std::string& compiler, const std::string& header) {
    includes found;
    found.follow(header);
    const std::string subject = write_source("compile-time-gup.cpp", {header});
    const std::string reference = write_source("compile-time-standard.cpp", found.standard);
    const auto compile = [&](const std::string& source) {
        return gup_bench::cost_of(
            {compiler, "-std=c++20", "-O2", "-I", GUP_BENCH_INCLUDE, "-c", source, "-o", "/dev/null"});
    };
    if (!compile(subject) || !compile(reference))
        return m.skip(compiler + " is not installed, or fails, see above");
    m.costs(
        1e3, [&] { return compile(subject).value().user; }, [&] { return compile(reference).value().user; });
}

bool compare(const std::string& name, const std::string& compiler, const std::string& header, double target) {
    return gup_bench::compare(21,
                              {.name = name,
                               .reference = "a translation unit that includes the standard headers it uses",
                               .unit = "ms of user CPU",
                               .target = target},
                              [=](gup_bench::measurement& m) { compile_both(m, compiler, header); });
}

const bool with_gcc = compare("compile_time_gcc", "g++", "gup/user_page_ref.hpp", 1.3);
const bool with_clang = compare("compile_time_clang", "clang++-14", "gup/user_page_ref.hpp", 1.3);
const bool all_with_gcc = compare("compile_time_of_all_gcc", "g++", "gup/gup.hpp", 1.5);
const bool all_with_clang = compare("compile_time_of_all_clang", "clang++-14", "gup/gup.hpp", 1.5);

} // namespace
