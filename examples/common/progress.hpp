// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A progress bar on standard error, if that is a terminal, and how bytes and times are shown to people.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <unistd.h>

namespace examples {

/// "1.5 GiB"
inline std::string with_unit(double bytes) {
    static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    for (; unit < std::size(units) - 1 && bytes >= 1024; ++unit) bytes /= 1024;
    char text[32];
    std::snprintf(text, sizeof text, "%.*f %s", bytes == std::floor(bytes) ? 0 : 1, bytes, units[unit]);
    return text;
}
inline std::string with_unit(std::uint64_t bytes) { return with_unit(static_cast<double>(bytes)); }

class progress {
    using clock = std::chrono::steady_clock;

public:
    explicit progress(std::uint64_t total) : total_(total) {}
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() { clear(); }

    double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

    /// So many bytes more are done, or need not be done.
    void advance(std::uint64_t bytes) {
        done_ += bytes;
        if (!terminal_ || done_ == 0 || clock::now() < next_) return;
        next_ = clock::now() + std::chrono::milliseconds(100);
        draw();
    }

    /// Before other text goes to the terminal.
    void clear() {
        if (shown_) std::fputs("\r\033[K", stderr);
        shown_ = false;
    }

private:
    void draw() {
        constexpr int width = 30;
        const double part =
            total_ == 0 ? 1 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
        const double rate = static_cast<double>(done_) / seconds();
        const auto left = static_cast<long>(part > 0 ? seconds() * (1 - part) / part : 0);
        const std::string bar(static_cast<std::size_t>(part * width), '#');
        std::fprintf(stderr, "\r[%-*s] %3.0f %%  %s/s  %ld:%02ld left\033[K", width, bar.c_str(), part * 100,
                     with_unit(rate).c_str(), left / 60, left % 60);
        shown_ = true;
    }

    const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
    const clock::time_point start_ = clock::now();
    const std::uint64_t total_;
    std::uint64_t done_ = 0;
    clock::time_point next_ = start_;
    bool shown_ = false;
};

} // namespace examples
