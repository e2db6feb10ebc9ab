// SPDX-License-Identifier: BSL-1.0
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace {

using gup_test::failure_of;
using gup_test::says;
using gup_test::vfio_container;
using gup_test::vfio_device;
using kernel = gup_test::vfio_kernel;

const std::string edu = "0000:00:04.0";

gup_test::pretend_device& pretended() { return kernel::devices.at(edu); }

gup::pin_failure refused_device(const std::string& address) {
    const vfio_container container;
    gup::pin_failure failure;
    CHECK_FALSE(vfio_device::try_make(container, address, failure).has_value());
    return failure;
}

} // namespace

TEST_CASE("A device is found by its address, with its group") {
    const gup_test::fresh_machine machine;
    {
        const vfio_device device(edu);
        CHECK(device.info().address == edu);
        CHECK(device.info().vendor == 0x1234);
        CHECK(device.info().device == 0x11e8);
        CHECK(kernel::descriptors.size() == 3);
        CHECK(kernel::descriptors.at(device.descriptor()).address == edu);
        CHECK(kernel::descriptors.at(device.container().descriptor()).iommu->groups == std::set<unsigned>{1});
    }
    CHECK(kernel::log == std::vector<std::string>{"close device " + edu, "close group 1", "close container"});
}

TEST_CASE("Two devices share a container, two handles share a device") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const vfio_device first(container, edu);
    const vfio_device second(container, "0000:00:05.0");
    CHECK_FALSE(first == second);
    CHECK(vfio_device(first) == first);
    CHECK(kernel::descriptors.at(container.descriptor()).iommu->groups == std::set<unsigned>{1, 2});
}

TEST_CASE("Of devices that cannot be opened each says what to do") {
    const gup_test::fresh_machine machine;
    CHECK(says(refused_device("0000:00:09.0"), ENOENT, "there is no PCI device 0000:00:09.0"));
    CHECK(says(refused_device("0000:00:09.0"), ENOENT, "lspci -D"));
    kernel::devices["0000:00:06.0"] = {.group = 0};
    CHECK(says(refused_device("0000:00:06.0"), ENOENT, "intel_iommu=on"));
    kernel::devices["0000:00:07.0"] = {.group = 7, .driver = "nvme"};
    CHECK(says(refused_device("0000:00:07.0"), ENOENT, "0000:00:07.0 (nvme)"));
    kernel::devices["0000:00:04.1"] = {.group = 1, .driver = ""}; // which does not keep its group from use
    CHECK(says(refused_device("0000:00:04.1"), ENODEV, "is not bound to vfio-pci"));
    CHECK(says(refused_device("0000:00:04.1"), ENODEV, "/sys/bus/pci/devices/0000:00:04.1/driver_override"));
    CHECK(failure_of([] { vfio_device("0000:00:09.0"); }).code.value() == ENOENT);
    CHECK(kernel::nothing_left());
}

TEST_CASE("A device that fails while it is opened is closed again") {
    const gup_test::fresh_machine machine;
    for (const unsigned long request :
         {VFIO_GROUP_GET_DEVICE_FD, VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO}) {
        kernel::refuse[request] = EIO;
        CHECK(refused_device(edu).code.value() == EIO);
        CHECK(kernel::nothing_left());
    }
}

TEST_CASE("Whichever call fails while a device is opened, nothing stays open") {
    const gup_test::fresh_machine machine;
    int failures = 0;
    for (int number = 0;; ++number) {
        kernel::forget_calls();
        kernel::fail_at = number;
        gup::pin_failure failure;
        bool made = false;
        if (const auto container = vfio_container::try_make(failure))
            made = vfio_device::try_make(*container, edu, failure).has_value();
        CHECK(kernel::nothing_left());
        if (made) break;
        CHECK(failure.code);
        CHECK_FALSE(std::string(failure.call).empty());
        ++failures;
    }
    CHECK(failures == 12); // two files, a link, eight ioctls and a read of the configuration space
}

TEST_CASE("Registers of the configuration space are read and written by their width") {
    const gup_test::fresh_machine machine;
    const vfio_device device(edu);
    device.write_config<std::uint32_t>(0x10, 0x1234'5678);
    CHECK(device.read_config<std::uint16_t>(0x12) == 0x1234);
    CHECK(device.read_config<std::uint8_t>(0x10) == 0x78);
    device.write_config<std::uint8_t>(0xff, 9);
    CHECK(device.read_config<std::uint8_t>(0xff) == 9);
    const auto calls = kernel::calls;
    const auto beyond = failure_of([&] { static_cast<void>(device.read_config<std::uint16_t>(0xff)); });
    CHECK(says(beyond, EINVAL, edu + " has no such register"));
    CHECK(failure_of([&] { device.write_config<std::uint8_t>(0x100, 0); }).code.value() == EINVAL);
    CHECK(failure_of([&] { device.write_config<std::uint8_t>(~0U, 0); }).code.value() == EINVAL);
    CHECK(kernel::calls == calls);
}

TEST_CASE("A device that does not answer says so") {
    const gup_test::fresh_machine machine;
    const vfio_device device(edu);
    for (const bool write : {false, true}) {
        kernel::calls = kernel::fail_at = 0;
        const auto failure = failure_of([&] {
            if (write)
                device.write_config<std::uint8_t>(4, 0);
            else
                static_cast<void>(device.read_config<std::uint8_t>(4));
        });
        CHECK(says(failure, EIO, edu + " does not answer"));
    }
}

TEST_CASE("A device may do DMA from enable_bus_master to disable_bus_master, and its other rights stay") {
    const gup_test::fresh_machine machine;
    pretended().config[4] = std::byte{0x07};
    const vfio_device device(edu);
    CHECK(pretended().config[4] == std::byte{0x03});
    device.enable_bus_master();
    CHECK(pretended().config[4] == std::byte{0x07});
    device.enable_bus_master();
    CHECK(pretended().config[4] == std::byte{0x07});
    device.disable_bus_master();
    CHECK(pretended().config[4] == std::byte{0x03});
}

TEST_CASE("Vectors signal the eventfds given last") {
    const gup_test::fresh_machine machine;
    const vfio_device device(edu);
    constexpr std::array two{7, 8};
    device.enable_msi(two);
    CHECK(pretended().vectors.at(VFIO_PCI_MSI_IRQ_INDEX) == std::vector{7, 8});
    device.enable_msi(std::array{9});
    CHECK(pretended().vectors.at(VFIO_PCI_MSI_IRQ_INDEX) == std::vector{9});
    device.disable_msi();
    device.disable_msi();
    CHECK(pretended().vectors.empty());

    pretended().msix = 2;
    device.enable_msix(two);
    CHECK(pretended().vectors.at(VFIO_PCI_MSIX_IRQ_INDEX) == std::vector{7, 8});
    device.disable_msix();
    CHECK(pretended().vectors.empty());
}

TEST_CASE("Vectors that a device does not have are refused") {
    const gup_test::fresh_machine machine;
    const vfio_device device(edu);
    constexpr std::array five{5, 6, 7, 8, 9};
    CHECK(says(failure_of([&] { device.enable_msi(five); }), EINVAL, "has 4 vectors of MSI, not 5"));
    CHECK(says(failure_of([&] { device.enable_msi({}); }), EINVAL, "not 0"));
    CHECK(says(failure_of([&] { device.enable_msix(five); }), EINVAL, "has 0 vectors of MSI-X, not 5"));
    kernel::refuse[VFIO_DEVICE_GET_IRQ_INFO] = EINVAL;
    CHECK(says(failure_of([&] { device.enable_msi(five); }), EINVAL, "has 0 vectors of MSI"));
    kernel::refuse[VFIO_DEVICE_SET_IRQS] = EBUSY;
    CHECK(says(failure_of([&] { device.disable_msi(); }), EBUSY, "did not disable its interrupts"));
    device.enable_msi(std::array{5});
    CHECK(says(failure_of([&] { device.enable_msi(five); }), EINVAL, "not 5"));
    CHECK(pretended().vectors.at(VFIO_PCI_MSI_IRQ_INDEX) == std::vector{5});
    kernel::refuse[VFIO_DEVICE_SET_IRQS] = EBUSY; // MSI stays enabled
    CHECK(
        says(failure_of([&] { device.enable_msi(std::array{6}); }), EBUSY, "did not disable its interrupts"));
}

TEST_CASE("A device is reset if it can be") {
    const gup_test::fresh_machine machine;
    vfio_device(edu).reset();
    CHECK(pretended().resets == 1);
    {
        const vfio_device device(edu);
        kernel::refuse[VFIO_DEVICE_RESET] = EIO;
        CHECK(says(failure_of([&] { device.reset(); }), EIO, edu + " could not be reset"));
    }
    pretended().can_reset = false;
    const vfio_device device(edu);
    CHECK(says(failure_of([&] { device.reset(); }), EOPNOTSUPP, "stop it with disable_bus_master"));
    CHECK(pretended().resets == 1);
}
