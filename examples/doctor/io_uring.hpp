// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Checks of io_uring. Each one really does the thing on a tiny ring: distributions change kernels without
/// changing their version, and a sandbox forbids what the kernel can do.

#include "finding.hpp"
#include "memory.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <netinet/in.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace doctor {

constexpr std::size_t trial_bytes = 4096;

/// A descriptor that closes itself.
class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

/// The kernel gives back what a closed ring was charged only some 20 ms after the close, or the end of its
/// process.
constexpr std::chrono::milliseconds settling_time{50};

/// Repeats `attempt` for up to a second while it gives -ENOMEM.
template <class Attempt>
int patiently(Attempt attempt) {
    int result = attempt();
    for (int tries = 0; result == -ENOMEM && tries < 20; ++tries) {
        std::this_thread::sleep_for(settling_time);
        result = attempt();
    }
    return result;
}

/// A ring of 8 entries; `error()` is 0 or the -errno of making it.
class tiny_ring {
public:
    explicit tiny_ring(unsigned flags = 0)
        : error_(patiently([&] { return io_uring_queue_init(8, &ring_, flags); })) {}
    ~tiny_ring() {
        if (error_ == 0) io_uring_queue_exit(&ring_);
    }
    tiny_ring(const tiny_ring&) = delete;
    tiny_ring& operator=(const tiny_ring&) = delete;

    int error() const { return error_; }
    io_uring* get() { return &ring_; }

    /// Waits at most a second for a completion and consumes it.
    int next(io_uring_cqe& copy) {
        __kernel_timespec second{.tv_sec = 1, .tv_nsec = 0};
        io_uring_cqe* cqe = nullptr;
        int result = 0;
        do result = io_uring_wait_cqe_timeout(&ring_, &cqe, &second);
        while (result == -EINTR);
        if (result < 0) return result;
        copy.user_data = cqe->user_data;
        copy.res = cqe->res;
        copy.flags = cqe->flags;
        io_uring_cqe_seen(&ring_, cqe);
        return 0;
    }

private:
    io_uring ring_{};
    int error_;
};

/// Reads a known byte through slot `slot` into `page`, as a storage engine would.
inline int read_through_slot(tiny_ring& ring, const trial_memory& page, int slot) {
    const descriptor file(::memfd_create("gup-doctor", MFD_CLOEXEC));
    const char known = 'g';
    if (file.get() < 0 || ::pwrite(file.get(), &known, 1, 0) != 1) return -errno;
    page.data()[0] = std::byte{0};
    io_uring_prep_read_fixed(io_uring_get_sqe(ring.get()), file.get(), page.data(), 1, 0, slot);
    if (const int result = io_uring_submit(ring.get()); result < 0) return result;
    io_uring_cqe cqe{};
    if (const int result = ring.next(cqe); result < 0) return result;
    if (cqe.res < 0) return cqe.res;
    return page.data()[0] == std::byte{known} ? 0 : -EIO;
}

inline int try_fixed_buffer(tiny_ring& ring, const trial_memory& page) {
    const iovec buffer{page.data(), page.size()};
    const int result = patiently([&] { return io_uring_register_buffers(ring.get(), &buffer, 1); });
    return result < 0 ? result : read_through_slot(ring, page, 0);
}

/// Puts `page` into slot 1 of a sparse table of 4, tagged.
inline int try_sparse_table(tiny_ring& ring, const trial_memory& page, std::uint64_t tag) {
    if (const int result = io_uring_register_buffers_sparse(ring.get(), 4); result < 0) return result;
    const iovec buffer{page.data(), page.size()};
    const __u64 kernel_tag = tag;
    const int result = patiently(
        [&] { return io_uring_register_buffers_update_tag(ring.get(), 1, &buffer, &kernel_tag, 1); });
    return result < 0 ? result : read_through_slot(ring, page, 1);
}

/// Clears the tagged slot: the kernel must say when it lets go of the memory.
inline int try_tag(tiny_ring& ring, std::uint64_t tag) {
    const iovec empty{nullptr, 0};
    const __u64 none = 0;
    if (const int result = io_uring_register_buffers_update_tag(ring.get(), 1, &empty, &none, 1); result < 0)
        return result;
    io_uring_cqe cqe{};
    if (const int result = ring.next(cqe); result < 0) return result;
    return cqe.user_data == tag ? 0 : -EIO;
}

/// The kernel's struct io_uring_clone_buffers and its constants, newer than many installed headers.
struct clone_request {
    std::uint32_t source_fd, flags, source_offset, target_offset, count, padding[3];
};
constexpr unsigned register_clone_buffers = 30;
constexpr std::uint32_t clone_replace = 2;

/// Clones slot 0 of `source` to a ring without a table (`slots` 0) or into the last of its `slots` slots.
inline int try_clone(tiny_ring& source, const trial_memory& page, unsigned slots) {
    tiny_ring target;
    if (target.error() < 0) return target.error();
    clone_request request{.source_fd = static_cast<std::uint32_t>(source.get()->ring_fd),
                          .flags = 0,
                          .source_offset = 0,
                          .target_offset = 0,
                          .count = 0,
                          .padding = {}};
    if (slots != 0) {
        if (const int result = io_uring_register_buffers_sparse(target.get(), slots); result < 0)
            return result;
        request.flags = clone_replace;
        request.target_offset = slots - 1;
        request.count = 1;
    }
    const int result =
        gup::system_kernel::io_uring_register(target.get()->ring_fd, register_clone_buffers, &request, 1);
    return result < 0 ? result : read_through_slot(target, page, static_cast<int>(request.target_offset));
}

/// Sends a byte of slot 0 to ourselves over UDP without a copy, and waits for both completions.
inline int try_zero_copy_send(tiny_ring& ring, const trial_memory& page) {
    const descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in self{};
    self.sin_family = AF_INET;
    self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof self;
    auto* const address = reinterpret_cast<sockaddr*>(&self);
    if (socket.get() < 0 || ::bind(socket.get(), address, length) != 0 ||
        ::getsockname(socket.get(), address, &length) != 0 || ::connect(socket.get(), address, length) != 0)
        return -errno;
    io_uring_prep_send_zc_fixed(io_uring_get_sqe(ring.get()), socket.get(), page.data(), 1, 0, 0, 0);
    if (const int result = io_uring_submit(ring.get()); result < 0) return result;
    io_uring_cqe cqe{};
    if (const int result = ring.next(cqe); result < 0) return result;
    if (cqe.res < 0) return cqe.res;
    char received = 0;
    if (::recv(socket.get(), &received, 1, MSG_DONTWAIT) != 1) return -errno; // lets go of the page
    return ring.next(cqe);
}

/// How much of `memory` the ring accepts now as one buffer.
inline std::size_t largest_buffer(tiny_ring& ring, const trial_memory& memory) {
    std::size_t fits = 0;
    for (std::size_t refused = memory.size() / trial_bytes + 1; refused - fits > 1;) {
        const std::size_t middle = (fits + refused) / 2;
        const iovec buffer{memory.data(), middle * trial_bytes};
        if (io_uring_register_buffers(ring.get(), &buffer, 1) == 0) {
            io_uring_unregister_buffers(ring.get());
            fits = middle;
        } else {
            refused = middle;
        }
    }
    return fits * trial_bytes;
}

/// As `largest_buffer`, up to `most`, when it no longer grows: the only way to see the account of the user.
inline std::size_t room_of_user(tiny_ring& ring, std::size_t most) {
    const trial_memory memory(most);
    if (memory.data() == nullptr) return 0;
    ::madvise(memory.data(), memory.size(), MADV_NOHUGEPAGE); // a huge page would be charged whole
    std::size_t room = 0;
    for (std::size_t now = largest_buffer(ring, memory); now > room; now = largest_buffer(ring, memory)) {
        room = now;
        std::this_thread::sleep_for(settling_time);
    }
    return room;
}

} // namespace doctor
