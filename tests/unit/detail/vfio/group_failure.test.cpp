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

TEST_CASE("Of a group that other drivers keep from VFIO those are named, and nothing else") {
    const gup_test::fresh_machine machine;
    kernel::devices["0000:00:01.0"] = {.group = 3, .driver = "pcieport", .kind = "0x060400\n"};
    kernel::devices["0000:00:01.1"] = {.group = 3, .driver = "pci-stub"};
    kernel::devices["0000:00:01.2"] = {.group = 3, .driver = "e1000e"};
    kernel::devices["0000:00:01.3"] = {.group = 3, .driver = ""};
    kernel::devices["0000:00:01.4"] = {.group = 3, .driver = "mlx5_vfio_pci"};
    kernel::devices["0000:00:01.5"] = {.group = 3, .driver = "shpchp", .kind = "0x060401\n"};
    const std::string text = gup::detail::obstacles<kernel>(3);
    CHECK(contains(text, "takes whole: 0000:00:01.2 (e1000e); for each, "));
    CHECK(contains(text, "mounted file system"));
    CHECK(contains(gup::detail::obstacles<kernel>(1), "dmesg"));
}

TEST_CASE("A group that nobody bound to VFIO says which devices could be, without its bridges") {
    const gup_test::fresh_machine machine;
    kernel::devices["0000:00:01.0"] = {.group = 3, .driver = "", .kind = "0x060400\n"};
    kernel::devices["0000:00:01.1"] = {.group = 3, .driver = ""};
    kernel::devices["0000:00:01.2"] = {.group = 3, .driver = "e1000e"};
    const std::string text = gup::detail::explain_missing<kernel>(3);
    CHECK(contains(text, "no device of IOMMU group 3 is bound to vfio-pci"));
    CHECK(contains(text, "of 0000:00:01.1 (no driver), 0000:00:01.2 (e1000e); for each, "));
    CHECK(contains(text, "mounted file system"));
    CHECK(contains(gup::detail::explain_missing<kernel>(4), "there is no IOMMU group 4"));
}

TEST_CASE("A file that only this program's container lacks is said to be lacking there") {
    const gup_test::fresh_machine machine;
    const std::string text = gup::detail::explain_missing<kernel>(1);
    CHECK(contains(text, "0000:00:04.0 of IOMMU group 1 is bound to vfio-pci"));
    CHECK(contains(text, "--device /dev/vfio/1"));
    CHECK(contains(gup::detail::explain_no_vfio<kernel>(), "--device /dev/vfio/vfio"));
    kernel::loaded = false;
    CHECK(contains(gup::detail::explain_no_vfio<kernel>(), "modprobe -a vfio-pci vfio_iommu_type1"));
}

TEST_CASE("No-IOMMU mode is named") {
    const gup_test::fresh_machine machine;
    kernel::devices.at("0000:00:04.0").no_iommu = true;
    CHECK(contains(gup::detail::explain_missing<kernel>(1), "no-IOMMU mode, which gup does not support"));
}

TEST_CASE("Binding a device names it in every command, and warns") {
    const std::string text = gup::detail::how_to_bind("0000:00:01.2");
    CHECK(contains(text, "echo vfio-pci > /sys/bus/pci/devices/0000:00:01.2/driver_override"));
    CHECK(contains(text, "echo 0000:00:01.2 > /sys/bus/pci/devices/0000:00:01.2/driver/unbind"));
    CHECK(contains(text, "echo 0000:00:01.2 > /sys/bus/pci/drivers_probe"));
    CHECK(contains(text, "never do this to a disk with a mounted file system"));
}

TEST_CASE("A file that cannot be opened is explained if its errno says enough") {
    CHECK(contains(gup::detail::explain_open("/dev/vfio/3", EACCES), "`chown $USER /dev/vfio/3`"));
    CHECK(contains(gup::detail::explain_open("/dev/vfio/3", EPERM), "--device /dev/vfio/3"));
    CHECK(contains(gup::detail::explain_open("/dev/vfio/3", EBUSY), "one user at a time"));
    for (const int error : {EMFILE, ENFILE})
        CHECK(contains(gup::detail::explain_open("/dev/vfio/3", error), "ulimit -n"));
    CHECK(gup::detail::explain_open("/dev/vfio/3", ENOENT).empty());
}
