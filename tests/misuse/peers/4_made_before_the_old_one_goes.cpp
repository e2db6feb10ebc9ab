// SPDX-License-Identifier: BSL-1.0
// misuse: peer 4 a new one made before the old one goes
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 1}};
        pages = pool{ring, {.pages = 2}};
        check(pages.registered() && pages.pages() == 2, "the new pool is registered beside the old one");
    });
}
