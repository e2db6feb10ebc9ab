// SPDX-License-Identifier: BSL-1.0
// Every system call of VFIO that can fail does so once: nothing is left open, mapped or half done.
#include "gup/device_operations.hpp"
#include "gup/domain/vfio_bar.hpp"
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
#include <cerrno>
#include <linux/vfio.h>
#include <string>

namespace {

using gup_test::vfio_container;
using gup_test::vfio_device;
using gup_test::vfio_domain;
using kernel = gup_test::vfio_kernel;

/// A driver's whole life, up to the first failure.
void drive() {
    const vfio_container container;
    const vfio_device device(container, "0000:00:04.0");
    const vfio_device other(container, "0000:00:05.0");
    vfio_domain domain(container);
    device.enable_bus_master();
    device.enable_msi(std::array{3});
    const auto bar = device.map_bar(0);
    gup_test::vfio_pool pool(domain, gup_test::small(2));
    const auto memory = gup::get_user_pages(domain, bar);
    auto operation = gup::start_dma_from_device(gup::get_user_page(pool), 1);
    gup::put_user_page(gup::complete(std::move(operation), 1), gup::dirty);
    device.reset();
    device.disable_msi();
}

/// What failed while a driver lived; empty if nothing did.
std::string failed_call() {
    try {
        drive();
    } catch (const gup::pin_error& error) {
        const int code = error.code().value();
        CHECK((code == EIO || code == EOPNOTSUPP)); // no answer counts as no type 1 IOMMU
        return error.failure().call;
    }
    return {};
}

} // namespace

TEST_CASE("Whichever system call of a driver fails, nothing is left") {
    const gup_test::fresh_machine machine;
    REQUIRE(failed_call().empty()); // from here on there is what a process makes once
    kernel::reset();
    REQUIRE(failed_call().empty());
    const int calls = kernel::calls;
    int thrown = 0;
    int unmaps = 0;
    for (int number = 0; number < calls; ++number) {
        INFO("call " << number);
        kernel::reset();
        kernel::fail_at = number;
        const gup_test::heard_failures heard;
        const gup_test::leak_on_purpose leak;
        const std::string call = failed_call();
        INFO(call);
        thrown += !call.empty();
        if (call.empty() && !heard.all.empty()) {
            REQUIRE(heard.all.size() == 1);
            CHECK(heard.all[0].code.value() == EIO);
            ++unmaps;
        } else {
            CHECK(heard.all.empty());
            CHECK(kernel::nothing_left());
        }
    }
    CHECK(unmaps == 3); // of the pool, of the BAR as a device's memory, and as this program's
    // questions whether groups and IOMMU are still there, when the second device joins and the domain is made
    CHECK(calls - thrown - unmaps == 4);
}

TEST_CASE(
    "A call that did not do what it was asked is none that succeeded, though it answers with no error") {
    const gup_test::heard_failures heard;
    const gup_test::leak_on_purpose leak;
    for (const unsigned long request :
         {VFIO_GROUP_GET_STATUS, VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU, VFIO_IOMMU_MAP_DMA,
          VFIO_IOMMU_UNMAP_DMA, VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
          VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_RESET}) {
        INFO("ioctl " << (request & 0xff));
        kernel::reset();
        kernel::count[request] = 1;
        const std::string failed = failed_call();
        CHECK(failed.empty() == (request == VFIO_IOMMU_UNMAP_DMA));
        CHECK(kernel::count.empty());
    }
    CHECK(heard.all.size() == 1); // the unmapping
}
