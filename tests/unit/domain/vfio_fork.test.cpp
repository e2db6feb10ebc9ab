// SPDX-License-Identifier: BSL-1.0
// Containers, devices and BARs in a forked child.
#include "gup/domain/vfio.hpp"
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/mman.h>

using gup_test::failure_of;
using gup_test::says;
using kernel = gup_test::vfio_kernel;

TEST_CASE("A forked child uses nothing of its parent's container") {
    const gup_test::fresh_machine machine;
    const gup_test::vfio_container container;
    const gup_test::vfio_group group(container, 1);
    const auto child = gup_test::in_child([&] {
        gup::pin_failure domain, other, same;
        const bool refused = !gup_test::vfio_domain::try_make(container, {}, domain) &&
                             !gup_test::vfio_group::try_make(container, 2, other) &&
                             !gup_test::vfio_group::try_make(container, 1, same);
        return refused && says(domain, EPERM, "parent process") && says(other, EPERM, "parent process") &&
                       says(same, EPERM, "parent process")
                   ? 0
                   : 1;
    });
    CHECK(child.exited_with(0));
    const gup_test::vfio_domain still_there{container};
}

TEST_CASE("A domain that goes in a forked child is the parent's still") {
    const gup_test::fresh_machine machine;
    const gup_test::vfio_container container;
    const gup_test::vfio_group group(container, 1);
    std::optional<gup_test::vfio_domain> domain(std::in_place, container);
    const auto child = gup_test::in_child([&] {
        domain.reset();
        gup::pin_failure failure;
        return gup_test::vfio_domain::try_make(container, {}, failure) ? 1 : 0;
    });
    CHECK(child.exited_with(0));
}

TEST_CASE("A forked child does nothing to its parent's device") {
    const gup_test::fresh_machine machine;
    kernel::devices.at("0000:00:04.0").msix = 2;
    const gup_test::vfio_device device("0000:00:04.0");
    const auto bar = device.map_bar(0);
    const std::array<std::function<void()>, 23> verbs{
        [&] { static_cast<void>(device.read_config<std::uint16_t>(4)); },
        [&] { device.write_config<std::uint16_t>(4, 0); },
        [&] { static_cast<void>(device.read_bar<std::uint32_t>(0, 0)); },
        [&] { device.write_bar<std::uint32_t>(0, 0, 1); },
        [&] { device.enable_bus_master(); },
        [&] { device.disable_bus_master(); },
        [&] { static_cast<void>(device.map_bar(0)); },
        [&] { device.enable_msi(std::array{3}); },
        [&] { device.enable_msix(std::array{3}); },
        [&] { device.enable_intx(3); },
        [&] { device.enable_req(3); },
        [&] { device.enable_err(3); },
        [&] { device.mask_intx(); },
        [&] { device.unmask_intx(); },
        [&] { device.disable_intx(); },
        [&] { device.disable_req(); },
        [&] { device.disable_err(); },
        [&] { static_cast<void>(device.vectors(gup::vfio_interrupt::msi)); },
        [&] { device.disable_msi(); },
        [&] { device.disable_msix(); },
        [&] { device.reset(); },
        [&] { static_cast<void>(bar.read<std::uint32_t>(0)); },
        [&] { bar.write<std::uint32_t>(0, 1); }};
    const auto child = gup_test::in_child([&] {
        kernel::forget_calls();
        int verb = 1;
        for (const auto& act : verbs) {
            if (!says(failure_of(act), EPERM, "0000:00:04.0 belongs to the parent process")) return verb;
            ++verb;
        }
        return kernel::calls == 0 ? 0 : verb;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
    device.reset();
    CHECK(bar.read<std::uint32_t>(0) == 0);
}

TEST_CASE("A BAR is not mapped in a forked child, which unmaps nothing there") {
    const gup_test::fresh_machine machine;
    std::optional<gup_test::vfio_device> device(std::in_place, "0000:00:04.0");
    std::optional bar = device->map_bar(0);
    const auto child = gup_test::in_child([&] {
        const auto was = bar->memory();
        if (::msync(was.data(), was.size(), MS_ASYNC) == 0) return 1; // the BAR is there
        void* const own = ::mmap(was.data(), was.size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bar.reset();
        device.reset();
        return own == was.data() && ::msync(own, was.size(), MS_ASYNC) == 0 ? 0 : 2;
    });
    CHECK(child.exited_with(0));
    CHECK(kernel::bars.size() == 1);
}

TEST_CASE("A BAR that cannot be kept from children is not mapped") {
    const gup_test::fresh_machine machine;
    const gup_test::vfio_device device("0000:00:04.0");
    kernel::refused_advice = MADV_DONTFORK;
    CHECK(says(failure_of([&] { static_cast<void>(device.map_bar(0)); }), ENOMEM, "MADV_DONTFORK"));
    CHECK(kernel::bars.empty());
}
