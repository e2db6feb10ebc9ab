// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A ring and a mapping that go away with their objects, and why one of them could not be had.

#include <cstddef>
#include <cstring>
#include <liburing.h>
#include <span>
#include <string>
#include <sys/mman.h>

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

/// Anonymous memory in 4 KiB pages, all of them present.
class mapping {
public:
    explicit mapping(std::size_t bytes) {
        void* const address =
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (address == MAP_FAILED) return;
        bytes_ = {static_cast<std::byte*>(address), bytes};
        ::madvise(address, bytes, MADV_NOHUGEPAGE);
        std::memset(address, 1, bytes);
    }
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
    ~mapping() {
        if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
    }

    /// Empty if there was no memory.
    std::span<std::byte> bytes() const noexcept { return bytes_; }

private:
    std::span<std::byte> bytes_;
};

} // namespace gup_bench
