// SPDX-License-Identifier: BSL-1.0
// misuse: peer 8 a slot for every small page
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 1000}};
        check(pages.stats().slots == 1, "a thousand pages take one slot");
    });
}
