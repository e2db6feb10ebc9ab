// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `this_process`: which process this is, exact across fork and without a system call. Needed by everything
/// that a forked child must not release.

#include "gup/kernel.hpp"

#include <atomic>
#include <cstdint>
#include <new>
#include <sys/mman.h>
#include <sys/types.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

namespace gup::detail {

template <class Kernel>
class [[gnu::visibility("default")]] process_word;

/// The process number, kept in a page that the kernel empties in a forked child (MADV_WIPEONFORK). Handlers
/// of pthread_atfork would not do: clone(2), _Fork(3) and vfork(2) call none.
template <class Kernel>
class process_word {
public:
    static pid_t read() noexcept {
        word* const current = word_.load(std::memory_order_acquire);
        const pid_t process = current->load(std::memory_order_relaxed);
        return process != 0 ? process : fill(current);
    }

private:
    using word = std::atomic<pid_t>;

    [[gnu::cold, gnu::noinline]] static pid_t fill(word* current) noexcept {
        if (current == &unmade_) current = make();
        const pid_t process = Kernel::getpid();
        if (current != &refused_) current->store(process, std::memory_order_relaxed);
        return process;
    }

    static word* make() noexcept {
        const std::size_t bytes = Kernel::page_size();
        word* made = &refused_;
        const std::intptr_t address =
            Kernel::mmap(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (address > 0 || address < -4095) {
            void* const page = reinterpret_cast<void*>(address);
            if (Kernel::madvise(page, bytes, MADV_WIPEONFORK) == 0)
                made = ::new (page) word{0};
            else
                Kernel::munmap(page, bytes);
        }
        word* expected = &unmade_;
        if (word_.compare_exchange_strong(expected, made, std::memory_order_acq_rel)) return made;
        if (made != &refused_) Kernel::munmap(made, bytes);
        return expected;
    }

    static constinit inline word unmade_{0};  // both stay zero: read() needs no test for them
    static constinit inline word refused_{0}; // no such page: every read asks the kernel
    static constinit inline std::atomic<word*> word_{&unmade_};
};

/// The number of this process, as getpid(2). Exact in a forked child too; a child that shares the caller's
/// memory (vfork, CLONE_VM) sees the caller's, as it shares its locks. Two loads; getpid on the first call in
/// a process, and on every call where the kernel refuses MADV_WIPEONFORK. Thread-safe.
template <class Kernel = system_kernel>
pid_t this_process() noexcept {
    return process_word<Kernel>::read();
}

} // namespace gup::detail
