// SPDX-License-Identifier: BSL-1.0
// What this machine can pin and why not: one line for each thing that gup can use, each tried for real where
// that changes nothing, with the next step for what is missing.
//
//     doctor [--json]

#include "doctor/devices.hpp"
#include "doctor/finding.hpp"
#include "doctor/io_uring_report.hpp"
#include "doctor/memory.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using doctor::finding;
using doctor::status;

constexpr std::size_t columns = 100;

constexpr auto help =
    "Usage: doctor [--json]\n"
    "Says what this machine can pin for devices, and how to get what is missing.\n"
    "\n"
    "  --json   print the report as JSON: an array \"checks\" of objects with the strings\n"
    "           \"status\" (ok, limited or missing), \"subject\", \"finding\" and \"next\"\n"
    "  --help   print this\n"
    "\n"
    "Run it as the user, and with the limits, of the program that will pin: the answer differs.\n"
    "It changes nothing. Exit status: 0 when the report was made, 1 when not, 2 for a wrong option.\n";

/// Prints `text` from column `indent` on, broken at spaces; the cursor is there already.
void print_wrapped(std::string_view text, std::size_t indent) {
    const std::size_t width = columns - indent;
    while (text.size() > width) {
        std::size_t end = text.rfind(' ', width);
        if (end == text.npos || end == 0) end = std::min(text.find(' '), text.size());
        std::cout << text.substr(0, end) << '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
        if (text.empty()) return;
        std::cout << std::string(indent, ' ');
    }
    std::cout << text << '\n';
}

void print_text(const std::vector<finding>& report) {
    std::size_t subjects = 0;
    for (const auto& row : report) subjects = std::max(subjects, row.subject.size());
    const std::size_t indent = std::string_view("missing  ").size() + subjects + 2;
    const auto padded = [](std::string text, std::size_t size) {
        text.resize(std::max(size, text.size()), ' ');
        return text;
    };
    for (const auto& row : report) {
        std::cout << padded(to_string(row.state), 9) << padded(row.subject, subjects + 2);
        print_wrapped(row.found, indent);
        if (row.next.empty()) continue;
        std::cout << std::string(indent, ' ') << "-> ";
        print_wrapped(row.next, indent + 3);
    }
    const auto count = [&](status state) {
        return std::count_if(report.begin(), report.end(),
                             [&](const finding& row) { return row.state == state; });
    };
    std::cout << '\n'
              << count(status::ok) << " ok, " << count(status::limited) << " limited, "
              << count(status::missing) << " missing\n";
}

/// A JSON string. The report is four strings a row, too little for a JSON library in everybody's build.
std::string json_string(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            result += escape;
            continue;
        }
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

void print_json(const std::vector<finding>& report) {
    std::cout << "{\"checks\": [\n";
    for (const auto& row : report)
        std::cout << "  {\"status\": " << json_string(to_string(row.state))
                  << ", \"subject\": " << json_string(row.subject)
                  << ", \"finding\": " << json_string(row.found) << ", \"next\": " << json_string(row.next)
                  << '}' << (&row == &report.back() ? "\n" : ",\n");
    std::cout << "]}\n";
}

std::vector<finding> examine() {
    std::vector<finding> report;
    doctor::check_memory(report);
    doctor::check_io_uring(report);
    doctor::check_devices(report);
    return report;
}

} // namespace

int main(int count, char** arguments) try {
    const std::vector<std::string_view> options(arguments + 1, arguments + count);
    bool json = false;
    for (const auto option : options) {
        if (option == "--help" || option == "-h") {
            std::cout << help;
            return std::cout.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if (option != "--json") {
            std::cerr << "doctor: unknown option '" << option << "'; `doctor --help` lists the options\n";
            return 2;
        }
        json = true;
    }
    const auto report = examine();
    json ? print_json(report) : print_text(report);
    if (std::cout.flush()) return EXIT_SUCCESS;
    std::cerr << "doctor: the report could not be written\n";
    return EXIT_FAILURE;
} catch (const std::exception& error) {
    std::cerr << "doctor: " << error.what() << '\n';
    return EXIT_FAILURE;
}
