// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/container_state.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using gup_test::says;
using kernel = gup_test::vfio_kernel;
using state = gup::detail::vfio_container_state<kernel>;
using use = gup::detail::container_use<kernel>;

TEST_CASE("The right to map is one's own until its end, also when it has moved") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    const auto container = state::try_open(failure);
    REQUIRE(container->try_attach(1, failure) != nullptr);
    REQUIRE(container->try_use(failure));
    {
        std::optional<use> first(std::in_place, container);
        const use second(std::move(*first));
        CHECK(second.fd() == container->fd());
        first.reset();
        CHECK_FALSE(container->try_use(failure));
        CHECK(failure.code.value() == EBUSY);
    }
    CHECK(container->try_use(failure));
}

TEST_CASE("A group that several threads attach at once is attached once") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    const auto container = state::try_open(failure);
    std::array<int, 4> fds{};
    std::vector<std::thread> threads;
    for (int& fd : fds)
        threads.emplace_back([&container, &fd] {
            gup::pin_failure why;
            fd = container->try_attach(2, why)->fd;
        });
    for (std::thread& one : threads) one.join();
    for (const int fd : fds) CHECK(fd == fds[0]);
    CHECK(kernel::ioctls[VFIO_GROUP_SET_CONTAINER] == 1);
}

TEST_CASE("The group of a device is the number that its link ends with") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    kernel::devices["0000:00:06.0"] = {.group = 4711};
    CHECK(gup::detail::find_group<kernel>("0000:00:06.0", failure) == 4711U);
    CHECK_FALSE(gup::detail::find_group<kernel>("0000:00:07.0", failure).has_value());
    CHECK(says(failure, ENOENT, "look-up of the device's IOMMU group"));
}
