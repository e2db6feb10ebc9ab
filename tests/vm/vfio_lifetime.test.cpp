// SPDX-License-Identifier: BSL-1.0
// What goes when: handles in any order, a forked child, an unmap that fails.
#include "gup/gup.hpp"
#include "gup/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "support/edu.hpp"
#include "support/kernel_log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <linux/vfio.h>
#include <optional>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

using gup_test::edu;

namespace {

int reported = 0;
void count_report(const gup::release_failure&) noexcept { ++reported; }

/// Counts what is reported, and hides it.
struct reports {
    reports() : before(gup::on_release_failure(&count_report)) { reported = 0; }
    reports(const reports&) = delete;
    reports& operator=(const reports&) = delete;
    ~reports() { gup::on_release_failure(before); }
    gup::release_failure_hook before;
};

} // namespace

TEST_CASE("handles may go in any order, and all works until the last has gone") {
    std::array order{0, 1, 2, 3};
    do {
        reports none;
        std::optional<gup::vfio_container> container(std::in_place);
        std::optional<edu> device(std::in_place, *container);
        std::optional<gup::vfio_domain<>> domain(std::in_place, *container);
        std::optional<gup::page_pool<gup::vfio_domain<>>> pool(std::in_place, *domain,
                                                               gup::pool_options{.pages = 2});
        auto ref = gup::get_user_page(*pool);
        const std::array<std::function<void()>, 4> ends{[&] { container.reset(); }, [&] { device.reset(); },
                                                        [&] { domain.reset(); }, [&] { pool.reset(); }};
        for (const int which : order) {
            ends[static_cast<std::size_t>(which)]();
            if (device) device->fetch(gup::iova(ref), 8);
        }
        gup::put_user_page(std::move(ref), gup::clean);
        CHECK(reported == 0);
    } while (std::next_permutation(order.begin(), order.end()));
    edu again; // so nobody has the group any more
}

TEST_CASE("the pages of a BAR keep their device open") {
    gup::vfio_container container;
    std::optional<edu> device(std::in_place, container);
    gup::vfio_domain<> domain{container};
    auto registers = gup::get_user_pages(domain, device->bar());
    const auto* const seen = reinterpret_cast<const volatile std::uint32_t*>(registers.bytes().data());
    device.reset();
    CHECK(*seen == 0x010000edU); // the identification of the edu device
    CHECK(gup::auxiliary<const gup::pci_device_info>(registers)->device == 0x11e8);
    gup::put_user_page(std::move(registers), gup::clean);
}

TEST_CASE("a forked child cannot unmap its parent's pages through gup, nor map its own") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    std::optional<gup::page_pool<gup::vfio_domain<>>> pool(std::in_place, domain,
                                                           gup::pool_options{.pages = 2});
    auto ref = gup::get_user_page(*pool);
    std::memset(ref.bytes().data(), 0x21, ref.size());
    const auto child = gup_test::in_child([&] {
        gup::pin_failure failure;
        if (gup::page_pool<gup::vfio_domain<>>::try_make(domain, {.pages = 1}, failure)) return 1;
        if (failure.code.value() != EPERM) return 2;
        gup::put_user_page(std::move(ref), gup::clean);
        pool.reset();
        return 0;
    });
    CHECK(child.exited_with(0));
    device.fetch(gup::iova(ref));
    std::memset(ref.bytes().data(), 0, ref.size());
    device.store(gup::iova(ref));
    CHECK(ref.bytes()[0] == std::byte{0x21});
    gup::put_user_page(std::move(ref), gup::dirty);
}

TEST_CASE("a forked child cannot stop its parent's device, nor keep it busy with a BAR") {
    std::optional<edu> device(std::in_place);
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) { // lives on without descriptors until the parent lets it end
        ::close(ends[1]);
        int unharmed = 0;
        try {
            device->device.disable_bus_master();
        } catch (const gup::pin_error& error) {
            unharmed = error.code().value() == EPERM;
        }
        for (int fd = 3; fd < 64; ++fd)
            if (fd != ends[0]) ::close(fd);
        char end = 0;
        ::_exit(::read(ends[0], &end, 1) == 0 && unharmed == 1 ? 0 : 1);
    }
    ::close(ends[0]);
    {
        gup::vfio_domain<> domain{device->device.container()};
        gup::page_pool pool{domain, {.pages = 1}};
        auto ref = gup::get_user_page(pool);
        device->fetch(gup::iova(ref), 8);
        gup::put_user_page(std::move(ref), gup::clean);
    }
    device.reset();
    // the child closes its descriptors when it comes to that
    for (const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10); !device;) try {
            device.emplace();
        } catch (const gup::pin_error& error) {
            if (error.code().value() != EBUSY || std::chrono::steady_clock::now() > limit) break;
            ::sched_yield();
        }
    CHECK(device.has_value());
    ::close(ends[1]);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
}

TEST_CASE("after a fork the parent and the device go on with the same page") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool pool{domain, {.pages = 1}};
    auto ref = gup::get_user_page(pool);
    std::memset(ref.bytes().data(), 1, ref.size());
    const auto child = gup_test::in_child([&] {
        ref.bytes()[0] = std::byte{99}; // the child's copy
        return 0;
    });
    CHECK(child.exited_with(0));
    std::memset(ref.bytes().data(), 2, ref.size());
    device.fetch(gup::iova(ref));
    std::memset(ref.bytes().data(), 3, ref.size());
    device.store(gup::iova(ref));
    CHECK(ref.bytes()[0] == std::byte{2});
    gup::put_user_page(std::move(ref), gup::dirty);
}

TEST_CASE("memory whose unmapping is not confirmed is never used again") {
    reports seen;
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    std::uint64_t lost = 0;
    const std::byte* memory = nullptr;
    {
        gup::page_pool pool{domain, {.pages = 1}};
        auto ref = gup::get_user_page(pool);
        lost = gup::iova(ref);
        memory = ref.bytes().data();
        gup::put_user_page(std::move(ref), gup::clean);

        // behind gup's back: its own unmapping then succeeds, with nothing unmapped
        vfio_iommu_type1_dma_unmap request{};
        request.argsz = sizeof request;
        request.iova = lost;
        request.size = 4096;
        REQUIRE(::ioctl(device.device.container().descriptor(), VFIO_IOMMU_UNMAP_DMA, &request) == 0);
        REQUIRE(request.size == 4096);
    }
    CHECK(reported == 1);
    CHECK(*static_cast<const volatile std::byte*>(memory) == std::byte{0}); // still there
    for (int i = 0; i < 8; ++i) {
        gup::page_pool pool{domain, {.pages = 1}};
        auto ref = gup::get_user_page(pool);
        CHECK(gup::iova(ref) != lost);
        gup::put_user_page(std::move(ref), gup::clean);
    }
}

TEST_CASE("a device that stopped answering is stopped before its operation is completed") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool pool{domain, {.pages = 1}};
    auto ref = gup::get_user_page(pool);
    auto flight = gup::start_dma_from_device(std::move(ref), 7);
    std::string advice;
    try {
        device.device.reset();
    } catch (const gup::pin_error& error) {
        advice = error.failure().remedy;
    }
    CHECK(advice.find("disable_bus_master") != advice.npos); // this device has no reset of its own
    device.device.disable_bus_master();
    ref = gup::complete(std::move(flight), 7); // no device can write any more
    gup::put_user_page(std::move(ref), gup::clean);

    gup::vfio_device nvme(gup::vfio_container(), gup_test::nvme_address);
    nvme.enable_bus_master();
    nvme.reset();
}
