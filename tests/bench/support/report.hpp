// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the measurements say: medians, a line of the table, an object of ratios.json.

#include "support/pair.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

namespace gup_bench {

/// The value below which this part of the values lies; `values` is not empty.
inline double quantile(std::vector<double> values, double part) {
    const auto place = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(place), values.end());
    return values[place];
}

struct summary {
    double ratio, low, high;   ///< median and quartiles of the pairs' ratios
    double subject, reference; ///< medians, in the row's unit
    bool met;
    bool noisy; ///< the target lies between the quartiles: another run may say otherwise
};

inline summary summarise(const result& r) {
    std::vector<double> ratios, subjects, references;
    for (const auto& p : r.pairs) {
        ratios.push_back(p.subject / p.reference);
        subjects.push_back(p.subject * r.scale);
        references.push_back(p.reference * r.scale);
    }
    summary s{.ratio = quantile(ratios, 0.5),
              .low = quantile(ratios, 0.25),
              .high = quantile(ratios, 0.75),
              .subject = quantile(subjects, 0.5),
              .reference = quantile(references, 0.5),
              .met = false,
              .noisy = false};
    if (!r.what.target) return s;
    const double target = *r.what.target;
    s.met = r.what.direction == better::lower ? s.ratio <= target : s.ratio >= target;
    s.noisy = s.low < target && target < s.high;
    return s;
}

inline const char* verdict(const result& r, const summary& s) {
    if (!r.what.target) return "reported";
    if (s.met) return s.noisy ? "met, noisy" : "met";
    return s.noisy ? "MISSED, noisy" : "MISSED";
}

inline void print_heading() {
    std::printf("%-20s %8s %9s  %-13s %9s %9s  %-21s %7s  %s\n", "name", "ratio", "target", "verdict", "gup",
                "reference", "unit", "samples", "reference");
}

inline void print(const result& r) {
    if (r.pairs.empty()) {
        std::printf("%-20s skipped: %s\n", r.what.name.c_str(), r.skipped.c_str());
        return;
    }
    const summary s = summarise(r);
    char target[16] = "";
    if (r.what.target)
        std::snprintf(target, sizeof target, "%s %6.3f", r.what.direction == better::lower ? "<=" : ">=",
                      *r.what.target);
    std::printf("%-20s %8.4f %9s  %-13s %9.4g %9.4g  %-21s %7zu  %s\n", r.what.name.c_str(), s.ratio, target,
                verdict(r, s), s.subject, s.reference, r.what.unit.c_str(), r.pairs.size(),
                r.what.reference.c_str());
}

/// A JSON string; the texts of rows have no control characters.
inline std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

/// The rows that were measured or skipped, as an array of objects.
inline void write_json(std::ostream& out, const std::vector<result>& all) {
    const char* separator = "[\n  ";
    for (const result& r : all) {
        if (r.pairs.empty() && r.skipped.empty()) continue;
        out << separator << "{ \"name\": " << quoted(r.what.name);
        separator = ",\n  ";
        if (r.pairs.empty()) {
            out << ", \"ratio\": null, \"skipped\": " << quoted(r.skipped);
        } else {
            const summary s = summarise(r);
            out << ", \"ratio\": " << s.ratio << ", \"quartiles\": [" << s.low << ", " << s.high
                << "], \"met\": " << (!r.what.target ? "null" : s.met ? "true" : "false")
                << ", \"gup\": " << s.subject << ", \"against\": " << s.reference;
        }
        out << ", \"target\": ";
        if (r.what.target)
            out << *r.what.target;
        else
            out << "null";
        out << ", \"reference\": " << quoted(r.what.reference)
            << ", \"unit\": " << quoted(r.what.unit) << ", \"samples\": " << r.pairs.size();
        if (r.what.direction == better::higher) out << ", \"higher_is_better\": true";
        out << " }";
    }
    out << (*separator == '[' ? "[]\n" : "\n]\n");
}

} // namespace gup_bench
