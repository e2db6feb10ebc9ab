// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/group_failure.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <string>

using gup_test::contains;
using kernel = gup_test::vfio_kernel;

TEST_CASE("The driver of a device is the last part of a link") {
    const gup_test::fresh_machine machine;
    CHECK(gup::detail::driver_of<kernel>("0000:00:04.0") == "vfio-pci");
    kernel::devices.at("0000:00:04.0").driver = "";
    CHECK(gup::detail::driver_of<kernel>("0000:00:04.0").empty());
    CHECK(gup::detail::driver_of<kernel>("0000:00:09.0").empty());
}

TEST_CASE("A group with nothing missing is said to have nothing missing") {
    const gup_test::fresh_machine machine;
    CHECK(gup::detail::missing_members<kernel>(1) == "every device of IOMMU group 1 is bound to vfio-pci");
}

TEST_CASE("Drivers that do no DMA of their own are not missing") {
    const gup_test::fresh_machine machine;
    kernel::devices["0000:00:01.0"] = {.group = 3, .driver = "pcieport"};
    kernel::devices["0000:00:01.1"] = {.group = 3, .driver = "pci-stub"};
    kernel::devices["0000:00:01.2"] = {.group = 3, .driver = "e1000e"};
    const std::string text = gup::detail::missing_members<kernel>(3);
    CHECK(contains(text, "these are missing: 0000:00:01.2 (e1000e); for each, "));
    CHECK_FALSE(contains(text, "0000:00:01.1"));
}

TEST_CASE("Binding a device names it in every command") {
    const std::string text = gup::detail::how_to_bind("0000:00:01.2");
    CHECK(contains(text, "echo vfio-pci > /sys/bus/pci/devices/0000:00:01.2/driver_override"));
    CHECK(contains(text, "echo 0000:00:01.2 > /sys/bus/pci/devices/0000:00:01.2/driver/unbind"));
    CHECK(contains(text, "echo 0000:00:01.2 > /sys/bus/pci/drivers_probe"));
}

TEST_CASE("A file that cannot be opened is explained if its errno says enough") {
    for (const int error : {EACCES, EPERM})
        CHECK(contains(gup::detail::explain_open("/dev/vfio/3", error), "`chown $USER /dev/vfio/3`"));
    CHECK(contains(gup::detail::explain_open("/dev/vfio/3", EBUSY), "one user at a time"));
    for (const int error : {EMFILE, ENFILE})
        CHECK(contains(gup::detail::explain_open("/dev/vfio/3", error), "ulimit -n"));
    CHECK(gup::detail::explain_open("/dev/vfio/3", ENOENT).empty());
}
