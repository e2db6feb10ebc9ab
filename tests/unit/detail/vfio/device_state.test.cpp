// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/device_state.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <string>

using gup_test::failure_of;
using gup_test::says;
using kernel = gup_test::vfio_kernel;
using container_state = gup::detail::vfio_container_state<kernel>;
using state = gup::detail::vfio_device_state<kernel>;

TEST_CASE("A device keeps its container open, and is closed before it") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    auto in = container_state::try_open(failure);
    const int group = in->try_attach(1, failure)->fd;
    auto device = state::try_open(std::move(in), group, "0000:00:04.0", failure);
    REQUIRE(device != nullptr);
    CHECK(kernel::descriptors.size() == 3);
    device.reset();
    CHECK(kernel::log.front() == "close device 0000:00:04.0");
    CHECK(kernel::nothing_left());
}

TEST_CASE("Regions are what the kernel says, and none is beyond their number") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    const auto in = container_state::try_open(failure);
    const auto device = state::try_open(in, in->try_attach(1, failure)->fd, "0000:00:04.0", failure);
    CHECK(device->bar(2).size == 8192);
    CHECK(device->config().size == 256);
    const auto calls = kernel::calls;
    CHECK(says(failure_of([&] { static_cast<void>(device->bar(6)); }), EINVAL,
               "0000:00:04.0 has BARs 0 to 5 only"));
    CHECK(kernel::calls == calls);
}
