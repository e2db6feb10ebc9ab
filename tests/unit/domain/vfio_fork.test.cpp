// SPDX-License-Identifier: BSL-1.0
// A container in a forked child.
#include "gup/domain/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <optional>

using gup_test::says;

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
