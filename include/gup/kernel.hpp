// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The kernel policy: every system call that gup makes goes through a stateless class of this shape, so that
/// tests can make any of them fail.

#include "gup/detail/page_range.hpp"
#include "gup/detail/procmap_query.hpp"
#include "gup/detail/uncancelled.hpp"
#include "gup/version.hpp"

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// The calls of `system_kernel` that throw: with something to undo then, which needs exceptions.
struct throwing_calls {
    /// The whole text of a small file, /proc files included: 0 or -errno. Throws std::bad_alloc.
    static int read_text(const char* path, std::string& text) {
        const uncancelled call;
        text.clear();
        const file_to_read file(path);
        if (file.fd < 0) return -errno;
        char buffer[4096];
        for (;;) {
            const ssize_t got = ::read(file.fd, buffer, sizeof buffer);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return got < 0 ? -errno : 0;
            text.append(buffer, static_cast<std::size_t>(got));
        }
    }

    /// The lines of /proc/self/maps of the mappings in a range, each asked for by itself (see
    /// procmap_query.hpp): 0 or -errno, ENOTTY before Linux 6.11. Opens the file at every call: an open one
    /// shows the memory of the process that opened it, a forked child's parent. Throws std::bad_alloc.
    static int query_maps(page_range pages, std::string& text) {
        const uncancelled call;
        text.clear();
        const file_to_read maps("/proc/self/maps");
        if (maps.fd < 0) return -errno;
        char name[PATH_MAX];
        while (!pages.empty()) {
            procmap_query query{.query_flags = covering_or_next_vma,
                                .query_addr = pages.begin,
                                .vma_name_size = sizeof name,
                                .vma_name_addr = reinterpret_cast<std::uintptr_t>(name)};
            if (::ioctl(maps.fd, procmap_query_request, &query) != 0) return errno == ENOENT ? 0 : -errno;
            if (query.vma_start >= pages.end) return 0;
            append_maps_line(text, query, name);
            pages.begin = query.vma_end;
        }
        return 0;
    }

    /// What a symbolic link leads to: 0 or -errno. Throws std::bad_alloc.
    static int read_link(const char* path, std::string& target) {
        const uncancelled call;
        target.resize(PATH_MAX);
        const ssize_t length = ::readlink(path, target.data(), target.size());
        const int result = length < 0 ? -errno : 0;
        target.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        return result;
    }

    /// The names in a folder, without those that begin with a dot: 0 or -errno. Throws std::bad_alloc.
    static int list_folder(const char* path, std::vector<std::string>& names) {
        const uncancelled call;
        names.clear();
        const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path), &::closedir);
        if (folder == nullptr) return -errno;
        while (const dirent* const entry = ::readdir(folder.get()))
            if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
        return 0;
    }

private:
    struct file_to_read {
        explicit file_to_read(const char* path) noexcept : fd(::open(path, O_RDONLY | O_CLOEXEC)) {}
        file_to_read(const file_to_read&) = delete;
        file_to_read& operator=(const file_to_read&) = delete;
        ~file_to_read() {
            if (fd >= 0) ::close(fd);
        }
        const int fd;
    };
};

} // namespace gup::inline GUP_NAMESPACE::detail

namespace gup::process_wide_v1 {

/// Default visibility and a name without the release, so that all shared objects built with it share what is
/// per process (see domain/mlock.hpp). Releases add functions; one that is there keeps its signature and
/// meaning.
struct [[gnu::visibility("default")]] system_kernel;

/// The real kernel. Every function returns what the system call returns, with `-errno` in place of -1; errno
/// itself is not part of the interface. None is a cancellation point. A test's policy derives from this class
/// and hides what it wants to change.
struct system_kernel : detail::throwing_calls {
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
    /// open(2) for reading and writing, O_CLOEXEC: the descriptor.
    static int open(const char* path) noexcept {
        const uncancelled call;
        return checked(::open(path, O_RDWR | O_CLOEXEC));
    }
    static int close(int fd) noexcept {
        const uncancelled call;
        return checked(::close(fd));
    }
    /// A second descriptor of the same open file (F_DUPFD_CLOEXEC).
    static int duplicate(int fd) noexcept {
        const uncancelled call;
        return checked(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    }
    /// fstat(2): what an open file is.
    static int fstat(int fd, struct stat& file) noexcept { return checked(::fstat(fd, &file)); }

    static int ioctl(int fd, unsigned long request, void* argument) noexcept {
        const uncancelled call;
        return checked(::ioctl(fd, request, argument));
    }
    /// mmap(2) of a part of a file or device, shared: the address, or -errno.
    static std::intptr_t map_file(std::size_t bytes, int protection, int fd, std::uint64_t offset) noexcept {
        void* const address = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
        return address == MAP_FAILED ? -errno : reinterpret_cast<std::intptr_t>(address);
    }
    static ssize_t pread(int fd, void* into, std::size_t bytes, std::uint64_t offset) noexcept {
        const uncancelled call;
        const ssize_t result = ::pread(fd, into, bytes, static_cast<off_t>(offset));
        return result < 0 ? -errno : result;
    }
    static ssize_t pwrite(int fd, const void* from, std::size_t bytes, std::uint64_t offset) noexcept {
        const uncancelled call;
        const ssize_t result = ::pwrite(fd, from, bytes, static_cast<off_t>(offset));
        return result < 0 ? -errno : result;
    }

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
        const uncancelled call;
        return checked(::msync(address, bytes, flags));
    }

    /// userfaultfd(2), O_CLOEXEC: the descriptor.
    static int userfaultfd(unsigned flags) noexcept {
        return checked(static_cast<int>(::syscall(SYS_userfaultfd, flags | O_CLOEXEC)));
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

private:
    static int checked(int result) noexcept { return result < 0 ? -errno : result; }
};

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE {
using process_wide_v1::system_kernel;
} // namespace gup::inline GUP_NAMESPACE
