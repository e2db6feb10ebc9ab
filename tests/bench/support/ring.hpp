// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A ring that goes away with its object, and why it could not be had.

#include <cstring>
#include <liburing.h>
#include <string>

namespace gup_bench {

/// An io_uring of this many entries.
class ring {
public:
    explicit ring(unsigned entries) : result_(io_uring_queue_init(entries, &handle_, 0)) {}
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() {
        if (*this) io_uring_queue_exit(&handle_);
    }

    explicit operator bool() const noexcept { return result_ >= 0; }
    std::string why_not() const { return std::string("io_uring_setup: ") + std::strerror(-result_); }
    io_uring& operator*() noexcept { return handle_; }
    io_uring* operator->() noexcept { return &handle_; }

private:
    io_uring handle_{};
    int result_;
};

} // namespace gup_bench
