// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A kernel policy that keeps a ledger of mappings and descriptors and fails any system call of a mapping on
/// demand, and a listener for what is reported as leaked.

#include "gup/error.hpp"
#include "gup/kernel.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace gup_test {

/// The real kernel with a ledger of what is mapped and open, scripted files, and any system call made to
/// fail.
struct ledger_kernel : gup::system_kernel {
    static inline std::size_t mapped = 0;
    static inline int open = 0;
    static inline int calls = 0;
    static inline int fail_at = -1; ///< the number of the call that fails, from 0
    static inline int error = 0;
    static inline std::string failing; ///< if not empty, every call of this name fails
    static inline std::vector<std::string> names;
    static inline std::map<std::string, std::string> files;
    static inline std::vector<int> advice;

    static void reset() {
        mapped = 0;
        open = calls = error = 0;
        fail_at = -1;
        failing.clear();
        names.clear();
        advice.clear();
        files = {{"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"}};
    }
    static bool fails(const char* name) {
        names.emplace_back(name);
        return calls++ == fail_at || failing == name;
    }

    static std::intptr_t mmap(std::size_t bytes, int protection, int flags, int fd) noexcept {
        if (fails("mmap")) return -error;
        const auto address = system_kernel::mmap(bytes, protection, flags, fd);
        if (address >= 0) mapped += bytes;
        return address;
    }
    static int munmap(void* address, std::size_t bytes) noexcept {
        if (fails("munmap")) return -error;
        // munmap accepts holes silently: unmapping the wrong range must not look like unmapping this one.
        const bool whole = system_kernel::msync(address, bytes, MS_ASYNC) == 0;
        const int result = system_kernel::munmap(address, bytes);
        if (result == 0 && whole) mapped -= bytes;
        return result;
    }
    static int madvise(void* address, std::size_t bytes, int how) noexcept {
        if (fails("madvise")) return -error;
        advice.push_back(how);
        return system_kernel::madvise(address, bytes, how);
    }
    static int memfd_create(const char* name, unsigned flags) noexcept {
        if (fails("memfd_create")) return -error;
        const int fd = system_kernel::memfd_create(name, flags);
        open += fd >= 0;
        return fd;
    }
    static int ftruncate(int fd, std::size_t bytes) noexcept {
        if (fails("ftruncate")) return -error;
        return system_kernel::ftruncate(fd, bytes);
    }
    static int close(int fd) noexcept {
        --open;
        const int result = system_kernel::close(fd); // a failing close frees the number, too
        return fails("close") ? -error : result;
    }
    static int read_text(const char* path, std::string& text) {
        const auto found = files.find(path);
        if (found == files.end()) return -ENOENT;
        text = found->second;
        return 0;
    }
};

/// Collects what is reported as leaked, as long as it lives.
class leak_listener {
public:
    leak_listener() {
        heard.clear();
        before_ =
            gup::on_release_failure([](const gup::release_failure& leak) noexcept { heard.push_back(leak); });
    }
    ~leak_listener() { gup::on_release_failure(before_); }
    leak_listener(const leak_listener&) = delete;
    leak_listener& operator=(const leak_listener&) = delete;

    static inline std::vector<gup::release_failure> heard;

private:
    gup::release_failure_hook before_;
};

} // namespace gup_test
