// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How a ring is ended: all of it is cancelled, and a barrier in the queue tells when nothing is left.

#include "gup/detail/io_uring/complete.hpp"
#include "gup/detail/io_uring/submit.hpp"
#include "gup/error.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// One ring on its way to the end. `Kernel` makes the registering call.
template <class Kernel>
class ending {
public:
    ending(ring_set& rings, ring_set::covered_ring& covered, io_uring& ring) noexcept
        : rings_(rings), covered_(covered), ring_(ring) {
        ++covered.barriers;
    }
    ending(const ending&) = delete;
    ending& operator=(const ending&) = delete;

    /// Goes on until nothing is left or the deadline has passed. 0, or the error that keeps it from going on.
    template <class OnCompletion>
    int run(std::chrono::steady_clock::time_point deadline, OnCompletion& on_completion) {
        // What the kernel has not begun when it is told to cancel is cancelled the next time.
        constexpr std::chrono::nanoseconds shortest = std::chrono::milliseconds(1);
        constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds(100);
        for (std::chrono::nanoseconds slice = shortest;; slice = std::min(2 * slice, longest)) {
            if (const int error = cancel_and_submit(); error != 0) return error;
            const auto now = clock::now();
            if (const int error = reap(std::min(now + slice, deadline), on_completion); error != 0)
                return error;
            if (ended() || clock::now() >= deadline) return 0;
        }
    }

    submission_fault fault() const noexcept { return fault_; }
    bool others_ended() const noexcept { return barrier_ == barrier::reached && is_last_entry(); }
    std::size_t in_flight() const noexcept {
        std::size_t sum = 0;
        covered_.operations.for_each_in_flight([&](const ring_operations::record&) { ++sum; });
        return sum;
    }

private:
    using clock = std::chrono::steady_clock;
    enum class barrier : std::uint8_t { none, queued, reached, refused };

    /// Addresses in what is gup's, so that no pointer of the program's is like it. One that is left by an
    /// ending that took too long is told apart by its count.
    std::uint64_t barrier_number(unsigned count) const noexcept {
        return reinterpret_cast<std::uintptr_t>(&covered_) + count % sizeof covered_;
    }
    bool is_barrier(const io_uring_cqe& cqe) const noexcept {
        return cqe.user_data - barrier_number(0) < sizeof covered_;
    }
    /// A ring that has had an entry with IOSQE_CQE_SKIP_SUCCESS refuses the barrier. One that was reached
    /// says nothing of entries behind it.
    bool ended() const noexcept {
        return (barrier_ == barrier::reached || barrier_ == barrier::refused) && is_last_entry() &&
               in_flight() == 0;
    }
    bool is_last_entry() const noexcept { return ring_.sq.sqe_tail == tail_; }

    int cancel_and_submit() noexcept {
        if (barrier_ == barrier::reached && !is_last_entry()) barrier_ = barrier::none;
        int error = submit();
        if (error == 0) error = cancel();
        if (error != 0 || barrier_ != barrier::none) return error;
        io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
        if (sqe == nullptr) return 0; // the next time
        io_uring_prep_nop(sqe);
        sqe->flags = IOSQE_IO_DRAIN;
        sqe->user_data = barrier_number(covered_.barriers);
        barrier_ = barrier::queued;
        error = submit();
        tail_ = ring_.sq.sqe_tail;
        return error;
    }

    /// What the kernel cannot take now stays in the queue for the next time.
    int submit() noexcept {
        const submission done = detail::submit(rings_, ring_, 0);
        fault_ = done.fault;
        return done.error == EBUSY || done.error == EAGAIN || done.error == EINTR ? 0 : done.error;
    }

    int cancel() noexcept { return by_entry_ ? cancel_by_entry() : cancel_by_call(); }
    int cancel_by_call() noexcept {
        io_uring_sync_cancel_reg all{};
        all.fd = -1;
        all.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
        all.timeout = {.tv_sec = 0, .tv_nsec = 0}; // those that end in their own time are waited for below
        const int result = Kernel::io_uring_register(ring_.ring_fd, IORING_REGISTER_SYNC_CANCEL, &all, 1);
        if (result >= 0 || result == -ENOENT || result == -EALREADY || result == -ETIME || result == -EINTR)
            return 0;
        if (result != -EINVAL) return -result;
        by_entry_ = true; // before Linux 6.0
        return cancel_by_entry();
    }
    int cancel_by_entry() noexcept {
        if (barrier_ != barrier::none) return 0; // behind which it would wait, as the barrier drains
        if (io_uring_sqe* const sqe = io_uring_get_sqe(&ring_); sqe != nullptr) {
            io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
            sqe->user_data = user_data_of_none;
        }
        return 0;
    }

    template <class OnCompletion>
    int reap(clock::time_point until, OnCompletion& on_completion) {
        for (unsigned late = 0; !ended();) {
            const auto left =
                std::max<std::chrono::nanoseconds>(until - clock::now(), std::chrono::nanoseconds(0));
            __kernel_timespec limit{.tv_sec = left / std::chrono::seconds(1),
                                    .tv_nsec = left % std::chrono::seconds(1) / std::chrono::nanoseconds(1)};
            io_uring_cqe* cqe = nullptr;
            const int result = io_uring_wait_cqe_timeout(&ring_, &cqe, &limit);
            if (result == 0) handle(cqe, on_completion);
            if (result != 0 && result != -ETIME && result != -EAGAIN && result != -EINTR) return -result;
            // a ring that is polled for says ETIME early; what has come by then is looked at
            if (left.count() == 0 && (result != 0 || ++late > ring_.cq.ring_entries)) return 0;
        }
        return 0;
    }

    template <class OnCompletion>
    void handle(io_uring_cqe* cqe, OnCompletion& on_completion) {
        // Also if the program's function throws.
        struct seen_at_the_end {
            ~seen_at_the_end() {
                self.put_page_of(*cqe);
                io_uring_cqe_seen(&self.ring_, cqe);
            }
            ending& self;
            io_uring_cqe* cqe;
        };
        const seen_at_the_end guard{*this, cqe};
        if (!is_barrier(*cqe))
            on_completion(std::as_const(*cqe));
        else if (cqe->user_data == barrier_number(covered_.barriers))
            barrier_ = cqe->res == 0            ? barrier::reached
                       : cqe->res == -ECANCELED ? barrier::none // with the others
                                                : barrier::refused;
    }

    /// Of an operation that this completion ends and that the program has not completed.
    void put_page_of(const io_uring_cqe& cqe) noexcept {
        const ring_set::found found = rings_.find(cqe.user_data);
        if (found.record == nullptr || (cqe.flags & IORING_CQE_F_MORE) != 0) return;
        const operation_type& type = *found.record->type;
        const std::uintptr_t word = found.table->finish(*found.record);
        if (!type.drop(word))
            report_release_failure(
                {"ending a ring with a page of another thread's pool", {}, pinned_memory_of(word)});
    }

    ring_set& rings_;
    ring_set::covered_ring& covered_;
    io_uring& ring_;
    barrier barrier_ = barrier::none;
    submission_fault fault_ = submission_fault::none;
    bool by_entry_ = false;
    unsigned tail_ = 0; // of the queue, behind the barrier
};

/// What came of it. If there is an error, operations and others are the most that may be left.
struct end_of_ring {
    int error = 0;
    const char* remedy = "";
    std::size_t operations = 0; ///< of gup's, with a record
    bool others = true;
};

template <class Domain, class OnCompletion>
end_of_ring end_ring(const Domain& domain, io_uring& ring, OnCompletion& on_completion,
                     std::chrono::nanoseconds timeout) {
    ring_set& rings = ring_access::rings(domain);
    if (rings.belongs_to_parent()) return {.error = EPERM, .remedy = own_ring_needed};
    ring_set::covered_ring* const covered = rings.ring_of(*ring.sq.sqes);
    if (covered == nullptr) return {.error = EINVAL, .remedy = "the ring is not of this domain"};
    using clock = std::chrono::steady_clock;
    const clock::time_point now = clock::now();
    ending<typename Domain::kernel> end(rings, *covered, ring);
    const int error = end.run(now + std::min(timeout, clock::time_point::max() - now), on_completion);
    return {error, remedy_of(end.fault()), end.in_flight(), !end.others_ended()};
}

} // namespace gup::inline GUP_NAMESPACE::detail
