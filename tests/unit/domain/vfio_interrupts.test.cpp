// SPDX-License-Identifier: BSL-1.0
// One kind of interrupts in place of another, as the kernel has one at a time; and fewer than were asked for.
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <linux/vfio.h>
#include <map>
#include <string>
#include <vector>

namespace {

const std::string edu = "0000:00:04.0";

} // namespace

TEST_CASE("Interrupts of either kind take the place of those set before") {
    const gup_test::fresh_machine machine;
    auto& pretended = gup_test::vfio_kernel::devices[edu];
    pretended.msix = 2;
    const gup_test::vfio_device device(edu);
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
    auto& pretended = gup_test::vfio_kernel::devices[edu];
    pretended.msix = 8;
    pretended.vectors_left = 2;
    const gup_test::vfio_device device(edu);
    const auto refused = gup_test::failure_of([&] { device.enable_msix(std::array{3, 4, 5}); });
    CHECK(gup_test::says(refused, ENOSPC, "can have 2 vectors of MSI-X at present, not 3: ask for fewer"));
    CHECK(gup_test::failure_of([&] { device.enable_msi(std::array{3, 4, 5}); }).code.value() == ENOSPC);
    CHECK(pretended.vectors.empty());
    device.enable_msix(std::array{3, 4});
    CHECK(pretended.vectors.at(VFIO_PCI_MSIX_IRQ_INDEX) == std::vector{3, 4});
}

TEST_CASE("INTx excludes MSI and MSI-X, and is masked and unmasked while it is enabled") {
    const gup_test::fresh_machine machine;
    auto& pretended = gup_test::vfio_kernel::devices[edu];
    pretended.msix = 2;
    const gup_test::vfio_device device(edu);
    using vectors = std::map<std::uint32_t, std::vector<int>>;
    CHECK(gup_test::says(gup_test::failure_of([&] { device.mask_intx(); }), EINVAL, "with enable_intx"));
    CHECK(gup_test::says(gup_test::failure_of([&] { device.unmask_intx(); }), EINVAL, "did not unmask INTx"));
    device.enable_msix(std::array{3});
    device.enable_intx(4);
    CHECK(pretended.vectors == vectors{{VFIO_PCI_INTX_IRQ_INDEX, {4}}});
    device.mask_intx();
    CHECK(pretended.intx_masked);
    device.unmask_intx();
    CHECK_FALSE(pretended.intx_masked);
    device.enable_intx(5);
    CHECK(pretended.vectors == vectors{{VFIO_PCI_INTX_IRQ_INDEX, {5}}});
    device.enable_msi(std::array{6});
    CHECK(pretended.vectors == vectors{{VFIO_PCI_MSI_IRQ_INDEX, {6}}});
    device.enable_intx(7);
    device.disable_intx();
    device.disable_intx();
    CHECK(pretended.vectors.empty());
}

TEST_CASE("REQ and ERR are heard beside the device's own interrupts") {
    const gup_test::fresh_machine machine;
    auto& pretended = gup_test::vfio_kernel::devices[edu];
    const gup_test::vfio_device device(edu);
    using vectors = std::map<std::uint32_t, std::vector<int>>;
    device.enable_req(3);
    device.enable_err(4);
    device.enable_msi(std::array{5});
    device.enable_req(6);
    CHECK(pretended.vectors == vectors{{VFIO_PCI_MSI_IRQ_INDEX, {5}},
                                       {VFIO_PCI_ERR_IRQ_INDEX, {4}},
                                       {VFIO_PCI_REQ_IRQ_INDEX, {6}}});
    device.disable_req();
    device.disable_err();
    device.disable_err();
    CHECK(pretended.vectors == vectors{{VFIO_PCI_MSI_IRQ_INDEX, {5}}});
    pretended.express = false;
    CHECK(gup_test::says(gup_test::failure_of([&] { device.enable_err(4); }), EINVAL, "0 vectors of ERR"));
}

TEST_CASE("A device says how many vectors it has of each kind") {
    const gup_test::fresh_machine machine;
    auto& pretended = gup_test::vfio_kernel::devices[edu];
    pretended.intx = 0;
    pretended.msix = 65;
    pretended.express = false;
    const gup_test::vfio_device device(edu);
    CHECK(device.vectors(gup::vfio_interrupt::intx) == 0);
    CHECK(device.vectors(gup::vfio_interrupt::msi) == 4);
    CHECK(device.vectors(gup::vfio_interrupt::msix) == 65);
    CHECK(device.vectors(gup::vfio_interrupt::err) == 0);
    CHECK(device.vectors(gup::vfio_interrupt::req) == 1);
    gup_test::vfio_kernel::refuse[VFIO_DEVICE_GET_IRQ_INFO] = EIO;
    const auto failure =
        gup_test::failure_of([&] { static_cast<void>(device.vectors(gup::vfio_interrupt::msi)); });
    CHECK(gup_test::says(failure, EIO, "does not say how many vectors of MSI"));
}
