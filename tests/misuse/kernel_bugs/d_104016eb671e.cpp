// SPDX-License-Identifier: BSL-1.0
// misuse: D 104016eb671e RDMA/umem: unpinned on failure, and again by its owner
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup_test::pretended ranges;
        {
            auto registration = ranges.pin(map_pages(1), gup::dma_access::read);
            registration.release(nullptr);
        }
        check(ranges.log->releases == 1, "a registration that was released does not release again");
    });
}
