// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The ring of an example.

#include "gup/memlock_budget.hpp"

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <system_error>
#include <utility>

namespace examples {

/// A ring, gone at the end.
class ring_handle {
public:
    explicit ring_handle(std::size_t operations) {
        const auto entries = static_cast<unsigned>(operations);
        // one thread submits and reaps: the kernel can leave completions until it waits, since Linux 6.1
        int result =
            io_uring_queue_init(entries, &ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
        if (result == -EINVAL) result = io_uring_queue_init(entries, &ring_, 0);
        if (result == 0) return;
        gup::pin_failure failure{.code = {-result, std::generic_category()},
                                 .call = "io_uring_queue_init",
                                 .need = bytes_of(std::bit_ceil(entries))};
        if (!gup::memlock_budget::read().explain(gup::pin_budget::user_locked_vm, failure))
            failure.remedy = "this program needs io_uring; `doctor` says what is in its way";
        throw gup::pin_error(std::move(failure));
    }
    ring_handle(const ring_handle&) = delete;
    ring_handle& operator=(const ring_handle&) = delete;
    ~ring_handle() { io_uring_queue_exit(&ring_); }

    io_uring& get() noexcept { return ring_; }

private:
    /// What the kernel charges for a ring: its entries, and both queues with their heads, in whole pages.
    static std::uint64_t bytes_of(std::uint64_t entries) {
        constexpr std::uint64_t page = 4096, head = 320;
        const auto whole = [](std::uint64_t bytes) { return (bytes + page - 1) / page * page; };
        return whole(entries * sizeof(io_uring_sqe)) +
               whole(head + 2 * entries * sizeof(io_uring_cqe) + entries * sizeof(unsigned));
    }

    io_uring ring_{};
};

} // namespace examples
