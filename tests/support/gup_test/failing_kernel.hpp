// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A kernel policy that makes the n-th system call fail and keeps account of what is mapped, locked and open:
/// what a test of "nothing leaked, nothing half done" needs.
///
///     using kernel = gup_test::failing_kernel<>;
///     kernel::plan(3, ENOMEM);           // the third call from now fails
///     … the operation …
///     CHECK(kernel::locked.bytes() == 0);

#include "gup/detail/page_range.hpp"
#include "gup/kernel.hpp"
#include "gup_test/address_set.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/stat.h>

namespace gup_test {

/// Which calls fail, and when.
enum class failing {
    refused,     ///< one call; it does nothing
    half_done,   ///< one call; the kernel has done it when it reports the failure, as mlock may
    from_then_on ///< this call and all after it; they do nothing
};

/// Counts every call that can fail. One thread only; `Tag` gives a test an account of its own.
template <class Base = gup::system_kernel, class Tag = void>
struct failing_kernel : Base {
    static inline int calls = 0; ///< since `plan` or `plan_nothing`
    static inline address_set mapped;
    static inline address_set locked; ///< by successful and half done calls
    static inline int open = 0;

    /// The call with this number, from 1, will fail with this errno.
    static void plan(int number, int error, failing how = failing::refused) noexcept {
        calls = 0;
        fail_at_ = number;
        error_ = error;
        how_ = how;
    }
    static void plan_nothing() noexcept { plan(0, 0); }

    static std::intptr_t mmap(std::size_t bytes, int protection, int flags, int fd) {
        return call<std::intptr_t>([&] {
            const std::intptr_t result = Base::mmap(bytes, protection, flags, fd);
            if (result > 0) mapped.add(reinterpret_cast<void*>(result), bytes);
            return result;
        });
    }
    static int munmap(void* address, std::size_t bytes) {
        return call<int>([&] {
            const int result = Base::munmap(address, bytes);
            if (result == 0) mapped.remove(address, bytes);
            if (result == 0) locked.remove(address, bytes);
            return result;
        });
    }
    static int mprotect(void* address, std::size_t bytes, int protection) {
        return call<int>([&] { return Base::mprotect(address, bytes, protection); });
    }
    static int madvise(void* address, std::size_t bytes, int advice) {
        return call<int>([&] { return Base::madvise(address, bytes, advice); });
    }
    static int memfd_create(const char* name, unsigned flags) {
        return call<int>([&] { return opened(Base::memfd_create(name, flags)); });
    }
    static int ftruncate(int fd, std::size_t bytes) {
        return call<int>([&] { return Base::ftruncate(fd, bytes); });
    }
    static int duplicate(int fd) { // by halves there is none
        if (how_ == failing::half_done && calls + 1 == fail_at_) return ++calls, -error_;
        return call<int>([&] { return opened(Base::duplicate(fd)); });
    }
    static int userfaultfd(unsigned flags) {
        return call<int>([&] { return opened(Base::userfaultfd(flags)); });
    }
    static int fstat(int fd, struct stat& file) {
        return call<int>([&] { return Base::fstat(fd, file); });
    }
    static int close(int fd) { // frees the number even when it reports an error
        --open;
        const int result = Base::close(fd);
        return call<int>([&] { return result; });
    }
    static int mlock(const void* address, std::size_t bytes) {
        return call<int>([&] { return locks(address, bytes, Base::mlock(address, bytes)); });
    }
    static int mlock2(const void* address, std::size_t bytes, unsigned flags) {
        return call<int>([&] { return locks(address, bytes, Base::mlock2(address, bytes, flags)); });
    }
    static int munlock(const void* address, std::size_t bytes) {
        return call<int>([&] {
            const int result = Base::munlock(address, bytes);
            if (result == 0) locked.remove(address, bytes);
            return result;
        });
    }
    static int msync(void* address, std::size_t bytes, int flags) {
        return call<int>([&] { return Base::msync(address, bytes, flags); });
    }
    static int io_uring_register(int fd, unsigned opcode, const void* argument, unsigned count) {
        return call<int>([&] { return Base::io_uring_register(fd, opcode, argument, count); });
    }
    static int memlock_limit(std::uint64_t& bytes) {
        return call<int>([&] { return Base::memlock_limit(bytes); });
    }
    static int query_maps(gup::detail::page_range pages, std::string& text) {
        return call<int>([&] { return Base::query_maps(pages, text); });
    }
    static int read_text(const char* path, std::string& text) {
        return call<int>([&] { return Base::read_text(path, text); });
    }

private:
    template <class Result, class Call>
    static Result call(Call real) {
        ++calls;
        const bool fails =
            how_ == failing::from_then_on ? fail_at_ != 0 && calls >= fail_at_ : calls == fail_at_;
        if (!fails) return real();
        if (how_ == failing::half_done) real();
        return -error_;
    }
    static int opened(int fd) noexcept {
        open += fd >= 0;
        return fd;
    }
    static int locks(const void* address, std::size_t bytes, int result) {
        if (result == 0) locked.add(address, bytes);
        return result;
    }

    static inline int fail_at_ = 0;
    static inline int error_ = 0;
    static inline failing how_ = failing::refused;
};

} // namespace gup_test
