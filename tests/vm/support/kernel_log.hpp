// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the kernel says from now on: how a test learns that the IOMMU stopped a device.

#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <regex>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace gup_test {

class kernel_log {
public:
    kernel_log() : fd_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
        if (fd_ < 0) throw std::runtime_error("cannot read /dev/kmsg");
        ::lseek(fd_, 0, SEEK_END);
    }
    kernel_log(const kernel_log&) = delete;
    kernel_log& operator=(const kernel_log&) = delete;
    ~kernel_log() { ::close(fd_); }

    /// True as soon as a line matches, false if none has come in time.
    bool wait_for(const std::string& pattern, std::chrono::milliseconds most = std::chrono::seconds(5)) {
        const std::regex wanted(pattern);
        const auto deadline = std::chrono::steady_clock::now() + most;
        for (;;) {
            char line[2048];
            const ssize_t length = ::read(fd_, line, sizeof line); // one record each
            if (length > 0) {
                if (std::regex_search(std::string(line, static_cast<std::size_t>(length)), wanted))
                    return true;
                continue;
            }
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - std::chrono::steady_clock::now());
            pollfd poll{.fd = fd_, .events = POLLIN, .revents = 0};
            if (left.count() <= 0 || ::poll(&poll, 1, static_cast<int>(left.count())) == 0) return false;
        }
    }

private:
    int fd_;
};

} // namespace gup_test
