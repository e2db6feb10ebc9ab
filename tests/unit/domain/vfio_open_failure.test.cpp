// SPDX-License-Identifier: BSL-1.0
// Groups and devices that cannot be opened: what is said, and what is left open.
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <new>
#include <string>

namespace {

using kernel = gup_test::vfio_kernel;
using gup_test::says;

const std::string address = "0000:00:04.0";

gup::pin_failure refused_device(int error) {
    const gup_test::fresh_machine machine;
    kernel::refuse[VFIO_GROUP_GET_DEVICE_FD] = error;
    gup::pin_failure failure;
    CHECK_FALSE(gup_test::vfio_device::try_make(gup_test::vfio_container(), address, failure).has_value());
    CHECK(kernel::nothing_left());
    return failure;
}

/// Has no memory left when it is to say why a group is not viable.
struct poor_kernel : kernel {
    static int list_folder(const char*, std::vector<std::string>&) { throw std::bad_alloc(); }
};

} // namespace

TEST_CASE("A device that is not opened is said to be unbound only if it is") {
    CHECK(says(refused_device(ENODEV), ENODEV, "is just leaving VFIO, or has come back: try again"));
    CHECK(says(refused_device(EMFILE), EMFILE, "ulimit -n"));
    CHECK(says(refused_device(EIO), EIO, "dmesg"));
}

TEST_CASE("A group is closed again if there is no memory for the reason why it is refused") {
    const gup_test::fresh_machine machine;
    kernel::devices["0000:00:05.0"].group = 1;
    kernel::devices["0000:00:05.0"].driver = "nvme"; // so the group is not viable
    {
        const gup::basic_vfio_container<poor_kernel> container;
        gup::pin_failure failure;
        CHECK_THROWS_AS(gup::basic_vfio_group<poor_kernel>::try_make(container, 1, failure), std::bad_alloc);
        CHECK(kernel::descriptors.size() == 1);
    }
    CHECK(kernel::nothing_left());
}
