// SPDX-License-Identifier: BSL-1.0
#include "gup/pci_device_info.hpp"

#include "gup_test/catch.hpp"

#include <type_traits>

TEST_CASE("What a device is needs nothing else of gup, and is a value") {
    gup::pci_device_info info{.address = "0000:00:04.0", .vendor = 0x1234, .device = 0x11e8};
    const gup::pci_device_info copy = info;
    info.address.clear();
    CHECK(copy.address == "0000:00:04.0");
    CHECK(copy.vendor == 0x1234);
    CHECK(copy.device == 0x11e8);
}
