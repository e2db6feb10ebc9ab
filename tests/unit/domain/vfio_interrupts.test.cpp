// SPDX-License-Identifier: BSL-1.0
// One kind of interrupts in place of another, as the kernel has one at a time; and fewer than were asked for.
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
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

TEST_CASE("Vectors that the kernel cannot give are refused, whatever it answers") {
    const gup_test::fresh_machine machine;
    const std::string address = "0000:00:04.0";
    auto& pretended = gup_test::vfio_kernel::devices[address];
    pretended.msix = 8;
    pretended.vectors_left = 2;
    const gup_test::vfio_device device(address);
    const auto refused = gup_test::failure_of([&] { device.enable_msix(std::array{3, 4, 5}); });
    CHECK(gup_test::says(refused, ENOSPC, "can have 2 vectors of MSI-X at present, not 3: ask for fewer"));
    CHECK(gup_test::failure_of([&] { device.enable_msi(std::array{3, 4, 5}); }).code.value() == ENOSPC);
    CHECK(pretended.vectors.empty());
    device.enable_msix(std::array{3, 4});
    CHECK(pretended.vectors.at(VFIO_PCI_MSIX_IRQ_INDEX) == std::vector{3, 4});
}
