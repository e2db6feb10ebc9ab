// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Memory that is mapped twice in a row: byte i and byte size + i are the same.

#include "../common/input_file.hpp"

#include <cstddef>
#include <span>
#include <sys/mman.h>

namespace mirrored_ring {

class mirror {
public:
    /// `size` is a multiple of the hardware's page size.
    explicit mirror(std::size_t size) : size_(size) {
        const int fd = ::memfd_create("mirrored_ring", MFD_CLOEXEC);
        if (fd < 0) examples::fail(errno, "memfd_create");
        const int error = map(fd);
        ::close(fd);
        if (error != 0) examples::fail(error, "mapping the ring twice");
    }
    mirror(const mirror&) = delete;
    mirror& operator=(const mirror&) = delete;
    ~mirror() { ::munmap(first_, 2 * size_); }

    /// Bytes of the ring.
    std::size_t size() const noexcept { return size_; }
    /// Both views of it.
    std::span<std::byte> both() const noexcept { return {static_cast<std::byte*>(first_), 2 * size_}; }

private:
    /// Reserves room for both views and puts them there; returns errno.
    int map(int fd) noexcept {
        if (::ftruncate(fd, static_cast<off_t>(size_)) != 0) return errno;
        void* const room = ::mmap(nullptr, 2 * size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED) return errno;
        first_ = room;
        for (const std::size_t at : {std::size_t{0}, size_})
            if (::mmap(static_cast<std::byte*>(room) + at, size_, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
                const int error = errno;
                ::munmap(room, 2 * size_);
                return error;
            }
        return 0;
    }

    std::size_t size_;
    void* first_ = nullptr;
};

} // namespace mirrored_ring
