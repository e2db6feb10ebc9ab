// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the command lines of the examples have in common: numbers with a unit, and the ways a program ends.

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace examples {

/// A wrong command line; the text says what is wrong, unless getopt has said it already.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A number with an optional K or M behind it, in [least, most].
inline std::size_t parse_number(std::string_view text, std::size_t least, std::size_t most) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const std::size_t factor = unit.empty() ? 1 : unit == "K" ? 1024 : unit == "M" ? 1024 * 1024 : 0;
    if (error != std::errc{} || factor == 0 || number > most / factor || number * factor < least)
        throw usage_error("'" + std::string(text) + "' is not a number from " + std::to_string(least) +
                          " to " + std::to_string(most));
    return number * factor;
}

/// As parse_number, for a power of two.
inline std::size_t parse_power(std::string_view text, std::size_t least, std::size_t most) {
    const std::size_t number = parse_number(text, least, most);
    if (!std::has_single_bit(number)) throw usage_error(std::string(text) + " is not a power of two");
    return number;
}

/// The exit status, unless standard output could not be written.
inline int flushed(const char* program, int status) {
    if (std::fflush(stdout) == 0) return status;
    std::perror((std::string(program) + ": standard output").c_str());
    return EXIT_FAILURE;
}

/// Runs `body`; what it throws becomes a message and the exit status: 2 for a wrong command line, else 1.
template <class Body>
int run(const char* program, Body body) {
    try {
        return flushed(program, body());
    } catch (const usage_error& error) {
        if (*error.what() != '\0') std::fprintf(stderr, "%s: %s\n", program, error.what());
        std::fprintf(stderr, "%s: `%s --help` says how to use it\n", program, program);
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", program, error.what());
        return EXIT_FAILURE;
    }
}

} // namespace examples
