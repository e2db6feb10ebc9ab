// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The descriptor of a ring, which stays the program's: whoever holds memory registered knows the ring again
/// and does not keep it open, so that closing it means what it means without gup.

#include "gup/version.hpp"

#include <cerrno>
#include <liburing.h>
#include <sys/stat.h>
#include <sys/types.h>

namespace gup::inline GUP_NAMESPACE::detail {

/// Remembers number and identity of a ring. Each ring has an inode of its own since Linux 5.16; where the
/// ring does not show that it is so young (IORING_FEAT_CQE_SKIP, 5.17), or the kernel does not say, it is
/// kept open by a duplicate.
template <class Kernel>
class ring_descriptor {
public:
    ring_descriptor() = default;
    ring_descriptor(const ring_descriptor&) = delete;
    ring_descriptor& operator=(const ring_descriptor&) = delete;
    ~ring_descriptor() {
        if (kept_ >= 0) Kernel::close(kept_);
    }

    /// Looks at a ring, which is open now. Zero, or -errno: EBADF if it is not.
    int watch(const io_uring& ring) noexcept {
        number_ = ring.ring_fd;
        struct stat file {};
        if ((ring.features & IORING_FEAT_CQE_SKIP) == 0 || Kernel::fstat(number_, file) < 0) {
            kept_ = Kernel::duplicate(number_);
            return kept_ < 0 ? kept_ : 0;
        }
        device_ = file.st_dev;
        inode_ = file.st_ino;
        return 0;
    }

    /// The ring for a few calls: what the program closes meanwhile stays open until the end of this object.
    class in_use {
    public:
        explicit in_use(const ring_descriptor& ring) noexcept : fd_(ring.kept_) {
            if (fd_ >= 0) return;
            own_ = fd_ = Kernel::duplicate(ring.number_);
            // a release must not depend on a free descriptor, and the number is looked at the moment before
            if (fd_ < 0 && fd_ != -EBADF) fd_ = ring.number_;
            if (const int fault = fd_ < 0 ? fd_ : ring.check(fd_); fault < 0) fd_ = fault;
        }
        in_use(const in_use&) = delete;
        in_use& operator=(const in_use&) = delete;
        ~in_use() {
            if (own_ >= 0) Kernel::close(own_);
        }

        /// True if the program has closed the ring, and the kernel lets go of all that it held for it.
        bool closed() const noexcept { return fd_ == -EBADF; }
        /// io_uring_register(2); -EBADF if the ring is closed.
        int call(unsigned opcode, const void* argument, unsigned count) const noexcept {
            return fd_ < 0 ? fd_ : Kernel::io_uring_register(fd_, opcode, argument, count);
        }
        /// Its number, for calls on other rings.
        int number() const noexcept { return fd_; }

    private:
        int fd_;
        int own_ = -1;
    };

private:
    /// Zero if the descriptor is of the ring, -EBADF if it is of another file.
    int check(int fd) const noexcept {
        struct stat file {};
        const int result = Kernel::fstat(fd, file);
        if (result < 0) return result;
        return file.st_dev == device_ && file.st_ino == inode_ ? 0 : -EBADF;
    }

    int number_ = -1;
    int kept_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
