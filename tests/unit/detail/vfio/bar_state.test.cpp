// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/bar_state.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace {

using kernel = gup_test::vfio_kernel;

/// The table as found in the configuration space of a device.
std::optional<gup::detail::bar_part> table() {
    gup::pin_failure failure;
    const auto in = gup::detail::vfio_container_state<kernel>::try_open(failure);
    const auto device = gup::detail::vfio_device_state<kernel>::try_open(in, in->try_attach(1, failure)->fd,
                                                                         "0000:00:04.0", failure);
    return gup::detail::find_msix_table(*device);
}

} // namespace

TEST_CASE("The MSI-X table is where the capability of the device says, if it has one") {
    const gup_test::fresh_machine machine;
    CHECK_FALSE(table().has_value());
    kernel::devices.at("0000:00:04.0").put_msix_table(4, 0x2000, 65);
    const auto found = table();
    REQUIRE(found.has_value());
    CHECK(found->bar == 4);
    CHECK(found->first == 0x2000);
    CHECK(found->end == 0x2000 + 65 * 16);
}

TEST_CASE("A chain of capabilities that turns back, or ends at the edge of the space, ends the search") {
    const gup_test::fresh_machine machine;
    auto& device = kernel::devices.at("0000:00:04.0");
    device.put_msix_table(0, 0, 1);
    device.config[0x41] = std::byte{0x40};
    CHECK_FALSE(table().has_value());
    device.config[0x41] = std::byte{0xfc};
    device.config[0xfc] = std::byte{0x11}; // no room for what it says of the table
    CHECK_FALSE(table().has_value());
}
