// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/interrupts.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
#include <cerrno>
#include <linux/vfio.h>
#include <string>

using gup_test::failure_of;
using gup_test::says;
using kernel = gup_test::vfio_kernel;

TEST_CASE("What the kernel says of the eventfds is told apart from vectors that it lacks") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    const auto in = gup::detail::vfio_container_state<kernel>::try_open(failure);
    const auto device = gup::detail::vfio_device_state<kernel>::try_open(in, in->try_attach(1, failure)->fd,
                                                                         "0000:00:04.0", failure);
    const gup::detail::vfio_interrupts<kernel> interrupts(*device);
    const auto refused = [&](int error) {
        kernel::refuse[VFIO_DEVICE_SET_IRQS] = error;
        return failure_of([&] { interrupts.set_notice(gup::detail::irq_req, 3); });
    };
    CHECK(says(refused(EBADF), EBADF, "not open, or of no eventfd"));
    CHECK(says(refused(EINVAL), EINVAL, "not open, or of no eventfd"));
    CHECK(says(refused(ENOSPC), ENOSPC, "has no REQ from the kernel at present"));
}
