// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The kernel policy: every system call that gup makes goes through a stateless class of this shape, so that
/// tests can make any of them fail.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace gup {

/// Default visibility, so that all shared objects built with it share what is per process (see
/// domain/mlock.hpp).
struct [[gnu::visibility("default")]] system_kernel;

/// The real kernel. Every function returns what the system call returns, with `-errno` in place of -1; errno
/// itself is not part of the interface. A test's policy derives from this class and hides what it wants to
/// change.
struct system_kernel {
    /// mmap(2) of new memory: the address, or -errno.
    static std::intptr_t mmap(std::size_t bytes, int protection, int flags, int fd) noexcept {
        void* const address = ::mmap(nullptr, bytes, protection, flags, fd, 0);
        return address == MAP_FAILED ? -errno : reinterpret_cast<std::intptr_t>(address);
    }
    static int munmap(void* address, std::size_t bytes) noexcept { return checked(::munmap(address, bytes)); }
    static int mprotect(void* address, std::size_t bytes, int protection) noexcept {
        return checked(::mprotect(address, bytes, protection));
    }
    static int madvise(void* address, std::size_t bytes, int advice) noexcept {
        return checked(::madvise(address, bytes, advice));
    }
    static int memfd_create(const char* name, unsigned flags) noexcept {
        return checked(::memfd_create(name, flags));
    }
    static int ftruncate(int fd, std::size_t bytes) noexcept {
        return checked(::ftruncate(fd, static_cast<off_t>(bytes)));
    }
    static int close(int fd) noexcept { return checked(::close(fd)); }
    /// A second descriptor of the same open file (F_DUPFD_CLOEXEC).
    static int duplicate(int fd) noexcept { return checked(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

    /// membarrier(2) without flags.
    static int membarrier(int command) noexcept {
        return checked(static_cast<int>(::syscall(SYS_membarrier, command, 0, 0)));
    }

    // Not the library's functions: the runtimes of the sanitizers turn mlock and munlock into nothing.
    static int mlock(const void* address, std::size_t bytes) noexcept {
        return checked(static_cast<int>(::syscall(SYS_mlock, address, bytes)));
    }
    static int mlock2(const void* address, std::size_t bytes, unsigned flags) noexcept {
        return checked(static_cast<int>(::syscall(SYS_mlock2, address, bytes, flags)));
    }
    static int munlock(const void* address, std::size_t bytes) noexcept {
        return checked(static_cast<int>(::syscall(SYS_munlock, address, bytes)));
    }
    static int msync(void* address, std::size_t bytes, int flags) noexcept {
        return checked(::msync(address, bytes, flags));
    }

    static pid_t getpid() noexcept { return ::getpid(); }
    /// Bytes of the smallest page; no system call.
    static std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

    /// io_uring_register(2).
    static int io_uring_register(int fd, unsigned opcode, const void* argument, unsigned count) noexcept {
        return checked(static_cast<int>(::syscall(SYS_io_uring_register, fd, opcode, argument, count)));
    }

    /// Soft RLIMIT_MEMLOCK in bytes; RLIM_INFINITY for none.
    static int memlock_limit(std::uint64_t& bytes) noexcept {
        rlimit limit{};
        const int result = checked(::getrlimit(RLIMIT_MEMLOCK, &limit));
        bytes = limit.rlim_cur;
        return result;
    }

    /// The whole text of a small file, /proc files included: 0 or -errno. Throws std::bad_alloc.
    static int read_text(const char* path, std::string& text) {
        text.clear();
        const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return -errno;
        char buffer[4096];
        int result = 0;
        for (;;) {
            const ssize_t got = ::read(fd, buffer, sizeof buffer);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) {
                result = got < 0 ? -errno : 0;
                break;
            }
            text.append(buffer, static_cast<std::size_t>(got));
        }
        ::close(fd);
        return result;
    }

private:
    static int checked(int result) noexcept { return result < 0 ? -errno : result; }
};

} // namespace gup
