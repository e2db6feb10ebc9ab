// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// An eventfd that a device's interrupt signals.

#include "input_file.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace examples {

class event {
public:
    event() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (fd_ < 0) fail(errno, "eventfd");
    }
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event() { ::close(fd_); }

    int fd() const noexcept { return fd_; }

    /// Signals it as a device would; also from a signal handler.
    void signal() noexcept {
        const std::uint64_t one = 1;
        static_cast<void>(::write(fd_, &one, sizeof one)); // fails only if it is signalled 2^64 times already
    }
    /// Waits until it is signalled, and takes that in; false if that does not happen in time.
    bool wait(std::chrono::milliseconds limit) {
        pollfd waited{.fd = fd_, .events = POLLIN, .revents = 0};
        if (::poll(&waited, 1, static_cast<int>(limit.count())) < 0 && errno != EINTR) fail(errno, "poll");
        std::uint64_t signals = 0;
        return ::read(fd_, &signals, sizeof signals) == sizeof signals;
    }

private:
    int fd_;
};

} // namespace examples
