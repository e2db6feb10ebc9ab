// SPDX-License-Identifier: BSL-1.0
// misuse: peer 5 rings before the one that fails stay registered
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle first, second;
        check(io_uring_register_buffers_sparse(&second.ring, 1) == 0, "the second ring has a table of its own");
        domain both{first.ring, second.ring};
        try {
            pool pages{both, {.pages = 1}};
            check(false, "the second ring is refused");
        } catch (const gup::pin_error&) {
        }
        check(io_uring_register_buffers_sparse(&first.ring, 1) == 0, "the first ring is as it was");
    });
}
