// SPDX-License-Identifier: BSL-1.0
#include "gup/domain/vfio_bar.hpp"
#include "gup/page_proxy.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/vfio_scene.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace {

using gup_test::failure_of;
using gup_test::says;
using gup_test::vfio_bar;
using gup_test::vfio_container;
using gup_test::vfio_device;
using gup_test::vfio_domain;
using kernel = gup_test::vfio_kernel;

const std::string edu = "0000:00:04.0";
const std::string nvme = "0000:00:05.0";

/// Pins nothing, and so no memory of devices.
using plain_domain = gup_test::pretend_domain<kernel>;

/// Where in the kernel's log something stands.
auto at(const std::string& what) { return std::ranges::find(kernel::log, what); }

/// Two devices, a domain for both, and a BAR of the first.
struct bar_scene : gup_test::fresh_machine {
    vfio_container container;
    std::optional<vfio_device> device{std::in_place, container, edu};
    std::optional<vfio_device> other{std::in_place, container, nvme};
    vfio_domain domain{container};
    std::optional<vfio_bar> bar{device->map_bar(0)};
};

} // namespace

TEST_CASE("A BAR is mapped whole, and unmapped before its device is closed") {
    const gup_test::fresh_machine machine;
    std::optional<vfio_device> device(std::in_place, edu);
    std::optional bar = device->map_bar(2);
    CHECK(bar->size() == 8192);
    CHECK(bar->memory().size() == 8192);
    CHECK(bar->number() == 2);
    CHECK(bar->device().address == edu);
    device.reset();
    CHECK(kernel::log.empty());
    bar.reset();
    CHECK(kernel::nothing_left());
    CHECK(kernel::log.front() == "munmap BAR");
    CHECK(kernel::log.at(1) == "close device " + edu);
}

TEST_CASE("Registers are read and written by their width") {
    const gup_test::fresh_machine machine;
    const vfio_bar bar = vfio_device(edu).map_bar(0);
    bar.write<std::uint32_t>(8, 0x1234'5678);
    CHECK(bar.read<std::uint32_t>(8) == 0x1234'5678);
    CHECK(bar.read<std::uint16_t>(10) == 0x1234);
    CHECK(bar.read<std::uint8_t>(11) == 0x12);
    bar.write<std::uint64_t>(4096 - 8, 7);
    CHECK(bar.read<std::uint64_t>(4096 - 8) == 7);
    CHECK(vfio_bar(bar).read<std::uint32_t>(8) == 0x1234'5678);
}

TEST_CASE("No register is misaligned or beyond its BAR") {
    const gup_test::fresh_machine machine;
    const vfio_bar bar = vfio_device(edu).map_bar(0);
    for (const std::size_t offset : {std::size_t{2}, std::size_t{4094}, std::size_t{4096}, ~std::size_t{3}})
        CHECK(says(failure_of([&] { static_cast<void>(bar.read<std::uint32_t>(offset)); }), EINVAL,
                   edu + " has no such register in BAR 0"));
    CHECK(failure_of([&] { bar.write<std::uint64_t>(4, 0); }).code.value() == EINVAL);
    CHECK(failure_of([&] { bar.write<std::uint8_t>(4096, 0); }).code.value() == EINVAL);
}

TEST_CASE("What is no BAR, or none that can be mapped, is refused") {
    const gup_test::fresh_machine machine;
    kernel::devices.at(edu).bars[5] = 64;
    const vfio_device device(edu);
    CHECK(says(failure_of([&] { device.map_bar(1); }), EINVAL, "has no BAR 1"));
    CHECK(says(failure_of([&] { device.map_bar(6); }), EINVAL, "BARs 0 to 5"));
    CHECK(says(failure_of([&] { device.map_bar(5); }), EOPNOTSUPP, "I/O ports"));
    kernel::refuse[VFIO_DEVICE_GET_REGION_INFO] = EIO;
    CHECK(says(failure_of([&] { device.map_bar(0); }), EIO, "does not describe"));
    kernel::calls = 0;
    kernel::fail_at = 2;
    kernel::error = ENOMEM;
    CHECK(says(failure_of([&] { device.map_bar(0); }), ENOMEM, "did not map its BAR"));
    CHECK(kernel::bars.empty());
}

TEST_CASE("A BAR that cannot be unmapped is reported") {
    const gup_test::fresh_machine machine;
    const gup_test::heard_failures heard;
    {
        const vfio_bar bar = vfio_device(edu).map_bar(0);
        kernel::calls = kernel::fail_at = 0;
    }
    REQUIRE(heard.all.size() == 1);
    CHECK(heard.all[0].code.value() == EIO);
    CHECK(heard.all[0].range.size() == 4096);
    CHECK(std::string(heard.all[0].call) == "munmap");
}

TEST_CASE("A pinned BAR says which device it is of, and keeps that open until its last put") {
    bar_scene scene;
    std::optional ref = gup::get_user_pages(scene.domain, *scene.bar);
    CHECK(ref->bytes().data() == scene.bar->memory().data());
    CHECK(kernel::mappings().begin()->second.bytes == 4096);
    const auto* const info = gup::auxiliary<const gup::pci_device_info>(*ref);
    REQUIRE(info != nullptr);
    CHECK(info->address == edu);
    std::optional second = gup::ref_user_page(*ref);

    scene.device.reset();
    scene.bar.reset();
    ref.reset();
    CHECK(info->address == edu);
    CHECK(kernel::bars.size() == 1);
    CHECK(at("close device " + edu) == kernel::log.end());
    second.reset();
    CHECK(kernel::bars.empty());
    CHECK(at("unmap") < at("munmap BAR"));
    CHECK(at("munmap BAR") < at("close device " + edu));
}

TEST_CASE("A BAR whose unmap is in doubt stays mapped, and its device open") {
    const gup_test::heard_failures heard;
    const gup_test::leak_on_purpose leak;
    bar_scene scene;
    {
        const auto ref = gup::get_user_pages(scene.domain, *scene.bar);
        kernel::next_unmap_reports = 0;
    }
    scene.bar.reset();
    scene.device.reset();
    CHECK(heard.all.size() == 1);
    CHECK(kernel::bars.size() == 1);
    CHECK(at("close device " + edu) == kernel::log.end());
}

TEST_CASE("The BARs of two devices are never the same memory, although both seem to be of one file") {
    bar_scene scene;
    const vfio_bar others = scene.other->map_bar(0);
    const vfio_bar again = scene.device->map_bar(0);
    const auto first = gup::get_user_pages(scene.domain, *scene.bar);
    const auto second = gup::get_user_pages(scene.domain, others);
    const auto third = gup::get_user_pages(scene.domain, again);
    CHECK(kernel::mappings().size() == 3);
    CHECK_FALSE(gup::find_dynamic_page(second)->second_mapping());
    CHECK(gup::iova(first) != gup::iova(second));
    CHECK(gup::auxiliary<const gup::pci_device_info>(second)->address == nvme);
}

TEST_CASE("The memory of a device is its own also when it is pinned as a plain range") {
    bar_scene scene;
    const vfio_bar others = scene.other->map_bar(0);
    const auto first = gup::get_user_pages(scene.domain, scene.bar->memory());
    const auto second = gup::get_user_pages(scene.domain, others.memory());
    CHECK(kernel::mappings().size() == 2);
    CHECK(gup::auxiliary<const gup::pci_device_info>(first) == nullptr);
    CHECK_FALSE(gup::find_dynamic_page(second)->second_mapping());
}

TEST_CASE("A domain that cannot pin the memory of a device refuses it") {
    const bar_scene scene;
    plain_domain plain;
    const auto failure =
        failure_of([&] { static_cast<void>(gup::get_user_pages(plain, scene.bar->memory())); });
    CHECK(says(failure, EOPNOTSUPP, "is the memory of a device, which this domain cannot pin"));
    CHECK(says(failure, EOPNOTSUPP, "vfio_domain"));
    CHECK(plain.log->pins == 0);
}

TEST_CASE("A BAR that the kernel refuses to map is explained, and nothing keeps it") {
    bar_scene scene;
    gup::pin_failure failure;
    kernel::refuse[VFIO_IOMMU_MAP_DMA] = EFAULT;
    CHECK_FALSE(gup::try_get_user_pages(scene.domain, *scene.bar, failure).has_value());
    CHECK(failure.code.value() == EFAULT);
    scene.bar.reset();
    CHECK(kernel::bars.empty());
}
