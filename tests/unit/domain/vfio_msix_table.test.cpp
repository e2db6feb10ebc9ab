// SPDX-License-Identifier: BSL-1.0
// The table of MSI-X in a BAR: the kernel's, although it is mapped.
#include "gup/domain/vfio.hpp"
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <cstdint>
#include <string>

namespace {

using gup_test::failure_of;
using gup_test::says;
using gup_test::vfio_device;
using kernel = gup_test::vfio_kernel;

const std::string edu = "0000:00:04.0";

/// A BAR of four pages with a table of 300 vectors, which reaches from the second page into the third.
struct table_scene : gup_test::fresh_machine {
    table_scene() {
        kernel::devices.at(edu).bars[0] = 4 * 4096;
        kernel::devices.at(edu).put_msix_table(0, 0x1800, 300);
    }
};

} // namespace

TEST_CASE("The pages of the MSI-X table can be read but not written to, the rest of the BAR can") {
    table_scene scene;
    const auto bar = vfio_device(edu).map_bar(0);
    for (const std::size_t offset :
         {std::size_t{0}, std::size_t{0xffc}, std::size_t{0x3000}, std::size_t{0x3ffc}})
        bar.write<std::uint32_t>(offset, 7);
    for (const std::size_t offset : {std::size_t{0x1000}, std::size_t{0x1800}, std::size_t{0x2ffc}}) {
        CHECK(says(failure_of([&] { bar.write<std::uint32_t>(offset, 7); }), EACCES,
                   edu + " has its MSI-X table, which is the kernel's"));
        CHECK(bar.read<std::uint32_t>(offset) == 0);
    }
    CHECK(failure_of([&] { bar.write<std::uint64_t>(0x1000, 7); }).code.value() == EACCES);
    CHECK(failure_of([&] { bar.write<std::uint32_t>(0x4000, 7); }).code.value() == EINVAL);
}

TEST_CASE("A table page is not written to through the memory of the BAR either, nor pinned for that") {
    table_scene scene;
    const vfio_device device(edu);
    const auto bar = device.map_bar(0);
    gup_test::vfio_domain domain(device.container());
    gup::pin_failure failure;
    CHECK_FALSE(gup::try_get_user_pages(domain, bar, failure).has_value());
    CHECK(failure.code.value() == EACCES);
    const auto part =
        gup::get_user_pages<gup::dma_access::read_write>(domain, bar.memory().first(4096), bar.provider());
    CHECK(part.size() == 4096);
}

TEST_CASE("Who asks for it may write to the pages of the table") {
    table_scene scene;
    const auto bar = vfio_device(edu).map_bar(0, gup::msix_table_pages::writable);
    bar.write<std::uint32_t>(0x1800, 7);
    CHECK(bar.read<std::uint32_t>(0x1800) == 7);
}

TEST_CASE("A table in another BAR, or none, keeps nobody from writing") {
    table_scene scene;
    kernel::devices.at(edu).put_msix_table(2, 0x1000, 4);
    const vfio_device device(edu);
    device.map_bar(0).write<std::uint32_t>(0x1800, 7);
    const auto other = device.map_bar(2);
    other.write<std::uint32_t>(0xffc, 7);
    CHECK(failure_of([&] { other.write<std::uint32_t>(0x1000, 7); }).code.value() == EACCES);
}

TEST_CASE("A table that the BAR is too small for protects what there is") {
    table_scene scene;
    const vfio_device device(edu);
    kernel::devices.at(edu).put_msix_table(0, 0x3ff0, 2048);
    const auto bar = device.map_bar(0);
    bar.write<std::uint32_t>(0x2ffc, 7);
    CHECK(failure_of([&] { bar.write<std::uint32_t>(0x3000, 7); }).code.value() == EACCES);
    kernel::devices.at(edu).put_msix_table(0, 0x8000, 4); // beyond it
    device.map_bar(0).write<std::uint32_t>(0x3ffc, 7);
}
