// SPDX-License-Identifier: BSL-1.0
// misuse: empty: a token asked for its I/O address
// expect-run-error: an empty reference was used
#include "../devices.hpp"
#include "../running.hpp"

int main() {
    return run([] {
        const gup::in_flight<device_page> flight;
        check(gup::iova(flight) == 0, "there is none");
    });
}
