// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `end_ring`: cancels what is in flight on a ring and gives every page back, before the ring is closed.

#include "gup/detail/io_uring/ending.hpp"
#include "gup/domain/io_uring_operations.hpp"

#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <liburing.h>
#include <system_error>

namespace gup::inline GUP_NAMESPACE {

/// What is left on a ring after it was to end.
struct ring_remainder {
    std::size_t operations = 0; ///< of gup's, with a record: their pages are theirs still
    bool others = false;        ///< operations of the program's, or of gup's with a token, may be left

    /// True if something is left: closing the ring would leave pages to the kernel.
    explicit operator bool() const noexcept { return operations != 0 || others; }
};

/// Submits what is prepared on a ring of the domain, cancels all operations on it, the program's own
/// included, and waits until they have ended or `timeout` has passed. Each completion is given to
/// `on_completion` as a `const io_uring_cqe&`, which may complete it, with its token or cookie; it must not
/// call io_uring_cqe_seen. What it leaves of gup's is put. Operations that cannot be cancelled, such as a
/// write that a disk has begun, are waited for. Once nothing is left, closing the ring gives all of its
/// memory back.
///
/// For the thread that submits and reaps, with no other doing either; `on_completion` must not submit, and
/// what it prepares is submitted and cancelled in its turn. Where the ring has had an entry with
/// IOSQE_CQE_SKIP_SUCCESS nobody can tell whether others are left, and `others` stays true; so it may before
/// Linux 6.16, after all of `timeout`, on a ring that has had zero-copy sends. The notification of such a
/// send of the program's own is not waited for. Before Linux 5.19 nothing is cancelled.
///
/// After a timeout it may be called again. A program that goes on by itself instead finds that what it
/// submits waits for what did not end, and meets a completion that is gup's and that `complete` refuses,
/// whose user_data leads to nothing of the program's. Before Linux 6.0 a second call only waits.
///
/// Throws pin_error: EINVAL if the ring is not of the domain, or for what `submit` refuses in its queue;
/// EPERM in a forked child; EEXIST on another thread than a ring's only submitter; or the kernel's errno.
/// What `on_completion` throws ends it likewise. In all of these cases it can be called again. Makes
/// IORING_REGISTER_SYNC_CANCEL (or IORING_OP_ASYNC_CANCEL before Linux 6.0) and io_uring_enter(2).
template <ring_domain Domain, std::invocable<const io_uring_cqe&> OnCompletion>
ring_remainder end_ring(Domain& domain, io_uring& ring, OnCompletion&& on_completion,
                        std::chrono::nanoseconds timeout) {
    const detail::end_of_ring end = detail::end_ring(domain, ring, on_completion, timeout);
    if (end.error != 0) detail::throw_refusal(end.error, "ending a ring", end.remedy);
    return {end.operations, end.others};
}
/// As above; sets `error` instead of throwing, and clears it if it succeeds. Throws what `on_completion`
/// does.
template <ring_domain Domain, std::invocable<const io_uring_cqe&> OnCompletion>
ring_remainder end_ring(Domain& domain, io_uring& ring, OnCompletion&& on_completion,
                        std::chrono::nanoseconds timeout, std::error_code& error) {
    const detail::end_of_ring end = detail::end_ring(domain, ring, on_completion, timeout);
    error = detail::errno_code(end.error);
    return {end.operations, end.others};
}

} // namespace gup::inline GUP_NAMESPACE
