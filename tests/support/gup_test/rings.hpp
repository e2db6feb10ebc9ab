// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Rings of the test's own, and what the kernel says about their buffer tables without asking gup.

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <liburing.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <thread>

namespace gup_test {

/// A ring of liburing. Closed by its destructor or before.
class ring {
public:
    explicit ring(unsigned flags = 0, unsigned entries = 16)
        : result_(::io_uring_queue_init(entries, &ring_, flags)) {}
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() { close(); }

    bool ok() const { return result_ == 0; }
    std::string why_not() const { return std::string("io_uring_setup: ") + std::strerror(-result_); }
    io_uring& handle() { return ring_; }
    int fd() const { return ring_.ring_fd; }

    io_uring_sqe& entry() {
        io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_);
        if (sqe == nullptr) FAIL("the queue is full"); // what holds costs no memory: some tests leave none
        return *sqe;
    }
    int submit() { return ::io_uring_submit(&ring_); }

    /// The next completion; fails the test if none comes.
    completion wait() {
        __kernel_timespec limit{.tv_sec = 20, .tv_nsec = 0};
        io_uring_cqe* cqe = nullptr;
        const int result = ::io_uring_wait_cqe_timeout(&ring_, &cqe, &limit);
        if (result != 0) FAIL("io_uring_wait_cqe_timeout: " << std::strerror(-result));
        const completion copy{cqe->user_data, cqe->res, cqe->flags};
        ::io_uring_cqe_seen(&ring_, cqe);
        return copy;
    }
    completion submit_and_wait() {
        if (submit() < 0) FAIL("io_uring_submit refuses");
        return wait();
    }
    /// True if nothing is there to reap after the kernel has had its turn.
    bool silent() {
        io_uring_prep_nop(&entry());
        ring_.sq.sqes[(ring_.sq.sqe_tail - 1) & ring_.sq.ring_mask].user_data = last_word;
        return submit_and_wait().user_data == last_word;
    }
    void close() {
        if (ok()) ::io_uring_queue_exit(&ring_);
        result_ = -EBADF;
    }

private:
    static constexpr std::uint64_t last_word = 0x1A57;
    io_uring ring_{};
    int result_;
};

/// The filled slots of a ring's buffer table and their bytes, from /proc/self/fdinfo. Where older kernels
/// have an empty one they list a buffer at the last address.
inline std::map<unsigned, std::size_t> slots_of(int ring_fd) {
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(ring_fd));
    std::map<unsigned, std::size_t> filled;
    bool table = false;
    for (std::string line; std::getline(info, line);) {
        if (line.rfind("UserBufs:", 0) == 0)
            table = true;
        else if (table && line.rfind(' ', 0) != 0)
            break;
        else if (const auto slash = line.find('/');
                 table && slash != line.npos && line.find(" 0xffffffffffffffff/") == line.npos)
            filled[static_cast<unsigned>(std::stoul(line))] = std::stoul(line.substr(slash + 1));
    }
    return filled;
}
inline std::map<unsigned, std::size_t> slots_of(const ring& r) { return slots_of(r.fd()); }

/// Bytes of pinned memory of this process, VmPin.
inline std::size_t pinned_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::size_t kilobytes = 0;
        if (word == "VmPin:" && status >> kilobytes) return kilobytes * 1024;
    }
    FAIL("no VmPin in /proc/self/status");
    return 0;
}

inline std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

inline bool is_mapped(const void* address) { return ::msync(const_cast<void*>(address), 1, MS_ASYNC) == 0; }

/// Waits for what the kernel does after it has answered; false if it does not.
template <class Condition>
bool eventually(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > limit) return false;
        std::this_thread::yield();
    }
    return true;
}

/// Pinned memory before a test that closes rings: they let go of theirs a little later. Declared first, so
/// that the next test does not begin with it.
struct pins_before {
    pins_before() = default;
    pins_before(const pins_before&) = delete;
    pins_before& operator=(const pins_before&) = delete;
    ~pins_before() { static_cast<void>(gone()); }
    bool gone(std::size_t but = 0) const {
        return eventually([&] { return pinned_memory() <= bytes + but; });
    }
    const std::size_t bytes = pinned_memory();
};

} // namespace gup_test
