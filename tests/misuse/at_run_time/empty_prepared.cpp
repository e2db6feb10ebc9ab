// SPDX-License-Identifier: BSL-1.0
// misuse: empty: prepared for an operation
// expect-run-error: the reference is empty
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle handle;
        gup::io_uring_domain ring(handle.ring);
        gup::prep_read_fixed(io_uring_get_sqe(&handle.ring), -1, pinned(), 0);
    });
}
