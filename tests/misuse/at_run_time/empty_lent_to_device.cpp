// SPDX-License-Identifier: BSL-1.0
// misuse: empty: lent to a device
// expect-run-error: the reference is empty
#include "../devices.hpp"
#include "../running.hpp"

int main() {
    return run([] { const auto flight = gup::start_dma_to_device(device_page(), 7); });
}
