// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Mappings of every kind that a caller may want pinned: of a memfd, shared, private, twice in a row.

#include "gup_test/catch.hpp"
#include "gup_test/real_memory.hpp"

#include <cstddef>
#include <fcntl.h>
#include <span>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gup_test {

/// A file in memory, as many pages long.
class memory_file {
public:
    explicit memory_file(std::size_t pages) : fd_(::memfd_create("gup test", MFD_CLOEXEC)) {
        REQUIRE(fd_ >= 0);
        REQUIRE(::ftruncate(fd_, static_cast<off_t>(pages * page_bytes())) == 0);
    }
    memory_file(const memory_file&) = delete;
    memory_file& operator=(const memory_file&) = delete;
    ~memory_file() { ::close(fd_); }
    int fd() const { return fd_; }

private:
    int fd_;
};

/// Pages of a file at an address of the kernel's choice, `times` times in a row. Counts in pages.
class mapping {
public:
    mapping(int fd, std::size_t first, std::size_t pages, int flags = MAP_SHARED, std::size_t times = 1,
            int protection = PROT_READ | PROT_WRITE)
        : bytes_(pages * times * page_bytes()),
          address_(::mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        REQUIRE(address_ != MAP_FAILED);
        const std::size_t step = pages * page_bytes();
        for (std::size_t i = 0; i < times; ++i)
            REQUIRE(::mmap(static_cast<std::byte*>(address_) + i * step, step, protection, flags | MAP_FIXED,
                           fd, static_cast<off_t>(first * page_bytes())) != MAP_FAILED);
    }
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
    ~mapping() {
        ::munmap(page(0), hole_ * page_bytes());
        if (hole_ < pages()) ::munmap(page(hole_ + 1), (pages() - hole_ - 1) * page_bytes());
    }

    /// Unmaps one page, once. Whatever is mapped there from then on, by a sanitizer for one, stays.
    void make_hole(std::size_t number) {
        REQUIRE(hole_ == pages());
        REQUIRE(::munmap(page(number), page_bytes()) == 0);
        hole_ = number;
    }

    std::size_t pages() const { return bytes_ / page_bytes(); }
    std::byte* page(std::size_t number) const {
        return static_cast<std::byte*>(address_) + number * page_bytes();
    }
    std::span<std::byte> range(std::size_t first, std::size_t count) const {
        return {page(first), count * page_bytes()};
    }
    std::span<std::byte> all() const { return {page(0), bytes_}; }

private:
    std::size_t bytes_;
    void* address_;
    std::size_t hole_ = bytes_ / page_bytes();
};

/// Anonymous private memory, readable and writable.
class private_pages : public mapping {
public:
    explicit private_pages(std::size_t pages) : mapping(-1, 0, pages, MAP_PRIVATE | MAP_ANONYMOUS) {}
};

} // namespace gup_test
