// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `this_process`: tells this process from those it was forked from, without a system call. Needed by
/// everything that a forked child must not release.

#include "gup/kernel.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <sys/mman.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

template <class Kernel>
class [[gnu::visibility("default")]] process_word;

/// Differs from that of every process this one descends from. Not the process number: that comes again, in
/// another PID namespace or when it is recycled.
using process_identity = std::uint64_t;

/// The identity, kept in a page that the kernel empties in a forked child (MADV_WIPEONFORK). Handlers of
/// pthread_atfork would not do: clone(2), _Fork(3) and vfork(2) call none.
template <class Kernel>
class process_word {
public:
    static process_identity read() noexcept {
        word* const current = word_.load(std::memory_order_acquire);
        const process_identity process = current->load(std::memory_order_relaxed);
        return process != 0 ? process : fill(current);
    }

private:
    using word = std::atomic<process_identity>;

    [[gnu::cold, gnu::noinline]] static process_identity fill(word* current) noexcept {
        if (current == &unmade_) current = make();
        if (current == &refused_) return static_cast<process_identity>(Kernel::getpid());
        // last_ is inherited: one more than any ancestor had when it forked
        const process_identity next = last_.fetch_add(1, std::memory_order_relaxed) + 1;
        process_identity expected = 0;
        return current->compare_exchange_strong(expected, next, std::memory_order_relaxed) ? next : expected;
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
    static constinit inline word last_{0};
};

/// The identity of this process. A forked child has another one; a child that shares the caller's memory
/// (vfork, CLONE_VM) has the caller's, as it shares its locks. Two loads. Where the kernel refuses
/// MADV_WIPEONFORK (before Linux 4.14) it is the process number, by getpid(2) at every call. Thread-safe.
template <class Kernel = system_kernel>
process_identity this_process() noexcept {
    return process_word<Kernel>::read();
}

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::process_identity;
using process_wide_v1::this_process;
} // namespace gup::inline GUP_NAMESPACE::detail
