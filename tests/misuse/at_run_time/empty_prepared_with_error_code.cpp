// SPDX-License-Identifier: BSL-1.0
// misuse: empty: prepared for an operation that reports by error code
// expect-run-clean
#include "../running.hpp"

#include <system_error>

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        std::error_code error;
        gup::prep_send_zc_fixed(io_uring_get_sqe(&handle.ring), -1, pinned(), 0, {}, error);
        check(error == std::errc::invalid_argument, "the operation is refused");
        check(gup::submit(ring, handle.ring) == 1, "its entry is left out");
        io_uring_cqe* cqe = nullptr;
        check(io_uring_peek_cqe(&handle.ring, &cqe) == -EAGAIN, "and nothing completes");
    });
}
