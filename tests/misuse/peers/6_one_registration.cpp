// SPDX-License-Identifier: BSL-1.0
// misuse: peer 6 one registration for all
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 4}};
        pool blocks{ring, {.page_size = 65536, .pages = 2}};
        check(pages.registered() && blocks.registered(), "two pools share a domain");
    });
}
