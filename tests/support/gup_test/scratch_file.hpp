// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Files of the test's own, and content that shows where it came from.

#include "gup_test/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gup_test {

/// Bytes that differ from place to place and from seed to seed.
inline std::vector<std::byte> pattern(std::size_t bytes, unsigned seed = 1) {
    std::vector<std::byte> made(bytes);
    std::uint32_t state = seed * 2654435761U + 1;
    for (std::byte& b : made) b = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 24);
    return made;
}

/// A descriptor that is closed at the end.
class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { close(); }

    bool ok() const { return fd_ >= 0; }
    int fd() const { return fd_; }
    void close() {
        if (ok()) ::close(std::exchange(fd_, -1));
    }

private:
    int fd_;
};

/// A file without a name, in memory or, for direct I/O, in the current directory; `ok()` is false if that
/// cannot be.
class scratch_file : public descriptor {
public:
    explicit scratch_file(std::span<const std::byte> content = {})
        : descriptor(::memfd_create("gup test", MFD_CLOEXEC)) {
        REQUIRE(ok());
        REQUIRE(::pwrite(fd(), content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
    }
    static descriptor direct() {
        return descriptor(::open(".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600));
    }

    std::size_t size() const { return static_cast<std::size_t>(::lseek(fd(), 0, SEEK_END)); }
    std::vector<std::byte> content(std::size_t offset, std::size_t bytes) const {
        std::vector<std::byte> part(bytes);
        REQUIRE(::pread(fd(), part.data(), bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes));
        return part;
    }
    std::vector<std::byte> content() const { return content(0, size()); }
};

inline bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

} // namespace gup_test
