// SPDX-License-Identifier: BSL-1.0
// misuse: peer 7 a silent fallback to memory that is not pinned
// expect-run-error: pretended pin.*allow it
#include "../running.hpp"

int main() {
    return run([] {
        gup_test::pretended ranges;
        ranges.log->refuse = true;
        gup_test::pretended_pool pages(ranges, {.pages = 1});
    });
}
