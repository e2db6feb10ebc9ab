// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Memory of the test's own and what the kernel says about its locks, without asking gup.

#include "gup_test/catch.hpp"

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace gup_test {

inline std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

/// Bytes of locked memory of this process, VmLck.
inline std::size_t locked_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::size_t kilobytes = 0;
        if (word == "VmLck:" && status >> kilobytes) return kilobytes * 1024;
    }
    FAIL("no VmLck in /proc/self/status");
    return 0;
}

/// Pages mapped for a test; `valid()` is false if the kernel refuses the flags. Counts in pages.
class real_memory {
public:
    explicit real_memory(std::size_t pages, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1)
        : bytes_(pages * page_bytes()),
          address_(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, fd, 0)) {}
    real_memory(const real_memory&) = delete;
    real_memory& operator=(const real_memory&) = delete;
    ~real_memory() {
        if (!valid()) return;
        ::munmap(page(0), hole_ * page_bytes());
        if (hole_ < pages()) ::munmap(page(hole_ + 1), (pages() - hole_ - 1) * page_bytes());
    }

    bool valid() const { return address_ != MAP_FAILED; }
    std::size_t pages() const { return bytes_ / page_bytes(); }
    std::byte* page(std::size_t number) const {
        return static_cast<std::byte*>(address_) + number * page_bytes();
    }
    std::span<const std::byte> range(std::size_t first, std::size_t count) const {
        return {page(first), count * page_bytes()};
    }
    std::span<const std::byte> all() const { return range(0, pages()); }

    /// Unmaps one page, once. Whatever is mapped there from then on, by a sanitizer for one, stays.
    void make_hole(std::size_t number) {
        REQUIRE(hole_ == pages());
        REQUIRE(::munmap(page(number), page_bytes()) == 0);
        hole_ = number;
    }

    /// True if the kernel holds the page locked: it refuses to drop such pages. Drops the page if not.
    bool locked(std::size_t number) const {
        return ::madvise(page(number), page_bytes(), MADV_DONTNEED) != 0 && errno == EINVAL;
    }
    std::size_t locked_pages() const {
        std::size_t count = 0;
        for (std::size_t number = 0; number < pages(); ++number) count += locked(number);
        return count;
    }

private:
    std::size_t bytes_;
    void* address_;
    std::size_t hole_ = bytes_ / page_bytes();
};

} // namespace gup_test
