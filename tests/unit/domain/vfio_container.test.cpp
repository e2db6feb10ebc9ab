// SPDX-License-Identifier: BSL-1.0
#include "gup/domain/vfio_container.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

namespace {

using gup_test::failure_of;
using gup_test::says;
using gup_test::vfio_container;
using gup_test::vfio_domain;
using gup_test::vfio_group;
using kernel = gup_test::vfio_kernel;
using entries = std::vector<std::string>;

gup::pin_failure refused_container() {
    gup::pin_failure failure;
    CHECK_FALSE(vfio_container::try_make(failure).has_value());
    CHECK(kernel::nothing_left());
    return failure;
}

gup::pin_failure refused_group(const vfio_container& container, unsigned number) {
    gup::pin_failure failure;
    CHECK_FALSE(vfio_group::try_make(container, number, failure).has_value());
    return failure;
}

} // namespace

TEST_CASE("A container is closed with the last of its copies") {
    const gup_test::fresh_machine machine;
    {
        std::optional<vfio_container> container(std::in_place);
        const vfio_container copy = *container;
        CHECK(copy == *container);
        CHECK(copy.descriptor() == container->descriptor());
        CHECK_FALSE(copy == vfio_container());
        container.reset();
        CHECK(kernel::descriptors.contains(copy.descriptor()));
    }
    CHECK(kernel::nothing_left());
}

TEST_CASE("A machine without VFIO is told how to load it") {
    const gup_test::fresh_machine machine;
    kernel::unopenable["/dev/vfio/vfio"] = ENOENT;
    CHECK(says(refused_container(), ENOENT, "VFIO is loaded, but there is no file /dev/vfio/vfio"));
    kernel::loaded = false;
    CHECK(says(refused_container(), ENOENT, "modprobe -a vfio-pci vfio_iommu_type1"));
    kernel::unopenable["/dev/vfio/vfio"] = ENODEV;
    CHECK(says(refused_container(), ENODEV, "modprobe -a vfio-pci vfio_iommu_type1"));
    kernel::unopenable["/dev/vfio/vfio"] = EACCES;
    CHECK(says(refused_container(), EACCES, "chown $USER /dev/vfio/vfio"));
    kernel::unopenable["/dev/vfio/vfio"] = EMFILE;
    CHECK(says(refused_container(), EMFILE, "ulimit -n"));
    CHECK(failure_of([] { vfio_container(); }).code.value() == EMFILE);
}

TEST_CASE("A kernel without a type 1 IOMMU is refused and its container closed") {
    const gup_test::fresh_machine machine;
    kernel::has_type1 = false;
    CHECK(says(refused_container(), EOPNOTSUPP, "modprobe vfio_iommu_type1"));
    kernel::has_type1 = true;
    kernel::refuse[VFIO_GET_API_VERSION] = EINVAL;
    CHECK(says(refused_container(), EOPNOTSUPP, "modprobe vfio_iommu_type1"));
}

TEST_CASE("The first group decides the IOMMU, others join it") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const vfio_group first(container, 1);
    const vfio_group second(container, 2);
    CHECK(kernel::ioctls[VFIO_SET_IOMMU] == 1);
    CHECK(kernel::descriptors.at(container.descriptor()).iommu->groups == std::set<unsigned>{1, 2});
    CHECK(first.number() == 1);
    CHECK(second.container() == container);
    CHECK(first.descriptor() != second.descriptor());
}

TEST_CASE("A group that is attached already is shared") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const vfio_group first(container, 1);
    CHECK(vfio_group(container, 1).descriptor() == first.descriptor());
    CHECK(kernel::ioctls[VFIO_GROUP_SET_CONTAINER] == 1);
    CHECK(kernel::descriptors.size() == 2);
}

TEST_CASE("A group stays attached until the container is closed, which closes it first") {
    const gup_test::fresh_machine machine;
    {
        const vfio_container container;
        { const vfio_group gone(container, 1); }
        CHECK(kernel::log.empty());
    }
    CHECK(kernel::log == entries{"close group 1", "close container"});
    CHECK(kernel::nothing_left());
}

TEST_CASE("A group keeps its container open") {
    const gup_test::fresh_machine machine;
    {
        std::optional<vfio_container> container(std::in_place);
        const vfio_group group(*container, 1);
        container.reset();
        CHECK(kernel::descriptors.size() == 2);
    }
    CHECK(kernel::nothing_left());
}

TEST_CASE("The devices that keep a group from being used are named with their drivers") {
    const gup_test::fresh_machine machine;
    kernel::devices["0000:00:04.1"] = {.group = 1, .driver = "nvme"};
    kernel::devices["0000:00:04.2"] = {.group = 1, .driver = "pcieport"};
    const vfio_container container;
    const auto failure = refused_group(container, 1);
    CHECK(says(failure, EPERM, "IOMMU group 1"));
    CHECK(says(failure, EPERM, "0000:00:04.1 (nvme)"));
    CHECK(says(failure, EPERM, "driver_override"));
    CHECK_FALSE(gup_test::contains(failure.message(), "0000:00:04.0"));
    CHECK_FALSE(gup_test::contains(failure.message(), "0000:00:04.2"));
    CHECK(kernel::descriptors.size() == 1);
    CHECK(kernel::ioctls[VFIO_GROUP_SET_CONTAINER] == 0);
}

TEST_CASE("A group none of whose devices is bound to VFIO has no file, and says which devices to bind") {
    const gup_test::fresh_machine machine;
    kernel::devices.at("0000:00:04.0").driver = "";
    kernel::devices["0000:00:04.1"] = {.group = 1, .driver = "e1000e"};
    const vfio_container container;
    CHECK(says(refused_group(container, 1), ENOENT, "0000:00:04.0 (no driver), 0000:00:04.1 (e1000e)"));
    kernel::devices["0000:00:04.1"].driver = "vfio-pci"; // one is enough
    CHECK(vfio_group(container, 1).number() == 1);
}

TEST_CASE("A group whose file is not there although a device is bound, or that has no IOMMU, says so") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    kernel::unopenable["/dev/vfio/1"] = ENOENT;
    CHECK(says(refused_group(container, 1), ENOENT, "--device /dev/vfio/1"));
    kernel::devices.at("0000:00:05.0").no_iommu = true;
    CHECK(says(refused_group(container, 2), ENOENT, "no-IOMMU mode"));
}

TEST_CASE("A group that does not exist is named") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    CHECK(says(refused_group(container, 9), ENOENT, "there is no IOMMU group 9"));
}

TEST_CASE("A group that someone else has, or that is not ours to open, says so") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const vfio_container other;
    const vfio_group taken(other, 1);
    CHECK(says(refused_group(container, 1), EBUSY, "another program, another container"));
    kernel::unopenable["/dev/vfio/2"] = EACCES;
    CHECK(says(refused_group(container, 2), EACCES, "chown $USER /dev/vfio/2"));
    CHECK(failure_of([&] { vfio_group(container, 1); }).code.value() == EBUSY);
}

TEST_CASE("A group that cannot be attached is closed again") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    kernel::refuse[VFIO_GROUP_GET_STATUS] = EIO;
    CHECK(says(refused_group(container, 1), EIO, "GET_STATUS"));
    kernel::refuse[VFIO_GROUP_SET_CONTAINER] = EBUSY; // a driver came first
    CHECK(says(refused_group(container, 1), EBUSY, "dmesg"));
    kernel::refuse[VFIO_SET_IOMMU] = EPERM;
    CHECK(says(refused_group(container, 1), EPERM, "allow_unsafe_interrupts"));
    kernel::refuse[VFIO_SET_IOMMU] = ENODEV;
    CHECK(says(refused_group(container, 1), ENODEV, "behind no IOMMU"));
    CHECK(kernel::descriptors.size() == 1);
    CHECK(vfio_group(container, 1).number() == 1);
    kernel::refuse[VFIO_GROUP_SET_CONTAINER] = EINVAL;
    CHECK(says(refused_group(container, 2), EINVAL, "use a container for each"));
}
