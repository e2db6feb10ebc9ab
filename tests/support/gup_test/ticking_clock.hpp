// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Signals that disturb what a test does.

#include <csignal>
#include <sys/time.h>

namespace gup_test {

/// A signal every millisecond, which ends system calls that wait.
class ticking_clock {
public:
    ticking_clock() {
        struct sigaction tick {};
        tick.sa_handler = [](int) {};
        ::sigaction(SIGALRM, &tick, &before_);
        start({0, 1000});
    }
    ticking_clock(const ticking_clock&) = delete;
    ticking_clock& operator=(const ticking_clock&) = delete;
    ~ticking_clock() {
        start({0, 0});
        ::sigaction(SIGALRM, &before_, nullptr);
    }

private:
    static void start(timeval interval) {
        const itimerval timer{interval, interval};
        ::setitimer(ITIMER_REAL, &timer, nullptr);
    }
    struct sigaction before_ {};
};

} // namespace gup_test
