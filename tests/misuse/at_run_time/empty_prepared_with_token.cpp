// SPDX-License-Identifier: BSL-1.0
// misuse: empty: prepared for an operation with a token
// expect-run-error: the reference is empty
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        const auto flight =
            gup::prep_write_fixed(io_uring_get_sqe(&handle.ring), -1, pinned(), 0, {.user_data = 7});
    });
}
