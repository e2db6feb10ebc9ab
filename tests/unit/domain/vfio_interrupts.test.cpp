// SPDX-License-Identifier: BSL-1.0
// One kind of interrupts in place of another: the kernel has one at a time.
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <linux/vfio.h>
#include <map>
#include <vector>

TEST_CASE("Interrupts of either kind take the place of those set before") {
    const gup_test::fresh_machine machine;
    const std::string address = "0000:00:04.0";
    auto& pretended = gup_test::vfio_kernel::devices[address];
    pretended.msix = 2;
    const gup_test::vfio_device device(address);
    using vectors = std::map<std::uint32_t, std::vector<int>>;
    device.enable_msi(std::vector{3});
    device.enable_msix(std::vector{4, 5});
    CHECK(pretended.vectors == vectors{{VFIO_PCI_MSIX_IRQ_INDEX, {4, 5}}});
    device.enable_msi(std::vector{6, 7});
    device.enable_msi(std::vector{8});
    CHECK(pretended.vectors == vectors{{VFIO_PCI_MSI_IRQ_INDEX, {8}}});

    CHECK_THROWS_AS(device.enable_msix(std::vector{1, 2, 3}), gup::pin_error); // more than it has
    CHECK(pretended.vectors == vectors{{VFIO_PCI_MSI_IRQ_INDEX, {8}}});
}
