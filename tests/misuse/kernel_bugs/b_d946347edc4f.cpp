// SPDX-License-Identifier: BSL-1.0
// misuse: B d946347edc4f accel/amdxdna: ranges pinned before the one that fails stay pinned
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup_test::pretended ranges;
        auto memory = map_pages(2);
        try {
            std::vector<gup_test::pretended::registration> all;
            all.push_back(ranges.pin(memory.first(4096), gup::dma_access::read));
            ranges.log->refuse = true;
            all.push_back(ranges.pin(memory.last(4096), gup::dma_access::read));
            check(false, "the second range is refused");
        } catch (const gup::pin_error&) {
        }
        check(ranges.log->pins == ranges.log->releases, "each range that was pinned was released");
    });
}
