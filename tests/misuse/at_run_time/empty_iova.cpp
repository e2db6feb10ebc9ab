// SPDX-License-Identifier: BSL-1.0
// misuse: empty: asked for its I/O address
// expect-run-error: an empty reference was used
#include "../devices.hpp"
#include "../running.hpp"

void tell_device(std::uint64_t) noexcept {}

int main() {
    return run([] {
        const device_page page;
        tell_device(gup::iova(page));
    });
}
