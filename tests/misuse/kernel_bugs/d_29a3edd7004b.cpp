// SPDX-License-Identifier: BSL-1.0
// misuse: D 29a3edd7004b RDMA/irdma: a region registered anew is freed twice
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup_test::pretended ranges;
        {
            auto memory = map_pages(2);
            auto registration = ranges.pin(memory.first(4096), gup::dma_access::read);
            registration = ranges.pin(memory, gup::dma_access::read);
            ranges.log->refuse = true;
            try {
                registration = ranges.pin(memory, gup::dma_access::read_write);
            } catch (const gup::pin_error&) {
            }
            check(registration.bytes() == 8192, "a refused one leaves what was there");
        }
        check(ranges.log->pins == 2 && ranges.log->releases == 2, "each pin was released once");
    });
}
