// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Signals that end the program: noted, so that what has begun can be ended in good order first.

#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace examples {

/// Thrown where the program can stop, after a signal has asked for it.
struct interrupted {};

inline volatile std::sig_atomic_t stop_signal = 0;

/// From now on SIGINT, SIGQUIT, SIGTERM and SIGHUP are noted; one that was ignored, as under nohup, stays
/// ignored.
inline void note_signals() {
    struct sigaction note {};
    note.sa_handler = [](int number) { stop_signal = number; };
    for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        ::sigaction(number, nullptr, &before);
        if (before.sa_handler != SIG_IGN) ::sigaction(number, &note, nullptr);
    }
    std::signal(SIGXFSZ, SIG_IGN); // a write beyond `ulimit -f` is then an error like any other
}

inline void throw_if_interrupted() {
    if (stop_signal != 0) throw interrupted{};
}

/// Ends the program as the signal would have done, so that the shell sees it.
[[noreturn]] inline void end_by_signal() {
    std::signal(stop_signal, SIG_DFL);
    std::raise(stop_signal);
    std::_Exit(1);
}

/// Runs `body`, which may throw `interrupted`: then the program ends as the signal would have ended it, after
/// all that the body had made has gone.
template <class Body>
int unless_interrupted(Body body) {
    note_signals();
    try {
        return body();
    } catch (const interrupted&) {
        end_by_signal();
    }
}

} // namespace examples
