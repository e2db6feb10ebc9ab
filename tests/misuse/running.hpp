// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// For the programs of the misuse suite that run: what they check, and the real things they try it on.

#include "program.hpp"

#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"

#include <algorithm>

#include <liburing.h>
#include <sys/mman.h>

/// Ends the program as failed unless what it says is true.
inline void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

/// Runs the body of a program; an error that gup throws ends it as failed, with its message.
template <class Body>
int run(Body body) {
    try {
        body();
        return 0;
    } catch (const gup::pin_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

/// A ring of the kernel, gone at the end.
struct ring_handle {
    ring_handle() { check(io_uring_queue_init(8, &ring, 0) == 0, "a ring can be made"); }
    ring_handle(const ring_handle&) = delete;
    ring_handle& operator=(const ring_handle&) = delete;
    ~ring_handle() { io_uring_queue_exit(&ring); }
    io_uring ring{};
};

/// Mapped memory of so many pages, zeroed.
inline std::span<std::byte> map_pages(std::size_t pages) {
    void* const memory =
        ::mmap(nullptr, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "memory can be mapped");
    return {static_cast<std::byte*>(memory), pages * 4096};
}

/// The kernel drops no page that is locked.
inline bool is_locked(std::span<std::byte> page) {
    return ::madvise(page.data(), page.size(), MADV_DONTNEED) != 0;
}
