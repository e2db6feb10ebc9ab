// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/dma_failure.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <set>
#include <string>

using gup_test::says;
using kernel = gup_test::vfio_kernel;

TEST_CASE("Every errno of a refused mapping has a remedy of its own") {
    std::set<std::string> remedies;
    for (const int error : {ENOMEM, EFAULT, EEXIST, ENOSPC, EINVAL, EIO})
        CHECK(remedies.insert(gup::detail::map_remedy(error)).second);
    CHECK(std::string(gup::detail::map_remedy(EIO)) == gup::detail::map_remedy(EPERM));
}

TEST_CASE("Only a lack of memory is blamed on the budget") {
    const gup_test::fresh_machine machine;
    kernel::limit = 4096;
    for (const int error : {ENOMEM, EFAULT}) {
        gup::pin_failure failure{.range = gup_test::made_up_memory(8192)};
        gup::detail::explain_map_failure<kernel>(error, failure);
        CHECK(failure.range.size() == 8192);
        if (error == ENOMEM) CHECK(says(failure, error, "over budget, VmLck of this process"));
        if (error == EFAULT) CHECK(failure.budget == gup::pin_budget::none);
        if (error == EFAULT) CHECK(says(failure, error, "cannot be pinned"));
    }
}
