// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/dma_table.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"
#include "gup_test/watched_memory.hpp"

#include <cerrno>
#include <memory>

using gup_test::made_up_memory;
using kernel = gup_test::vfio_kernel;
using container_state = gup::detail::vfio_container_state<kernel>;
using table = gup::detail::dma_table<kernel>;

TEST_CASE("A table keeps the right to map in its container until its end") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    auto in = container_state::try_open(failure);
    REQUIRE(in->try_attach(1, failure) >= 0);
    auto first = table::try_make(in, 64, failure);
    REQUIRE(first != nullptr);
    CHECK(table::try_make(in, 64, failure) == nullptr);
    CHECK(failure.code.value() == EBUSY);
    first.reset();
    CHECK(table::try_make(in, 64, failure) != nullptr);
}

TEST_CASE("A table maps at addresses that it takes back, with the memory going in between") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    const auto in = container_state::try_open(failure);
    REQUIRE(in->try_attach(1, failure) >= 0);
    const auto made = table::try_make(in, 64, failure);
    const auto memory = made_up_memory(3 * 4096);
    const auto iova = made->try_map(memory, gup::dma_access::read_write, failure);
    REQUIRE(iova.has_value());
    bool gone = false;
    made->release(*iova, memory, std::make_unique<gup_test::watched_memory>(gone));
    CHECK(gone);
    CHECK(made->try_map(memory, gup::dma_access::read_write, failure) == iova);
    made->release(*iova, memory, nullptr);
    CHECK(kernel::mappings().empty());
}

TEST_CASE("What is refused says of which range") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    const auto in = container_state::try_open(failure);
    REQUIRE(in->try_attach(1, failure) >= 0);
    const auto made = table::try_make(in, 12, failure); // no address but those of granule 0
    CHECK_FALSE(made->try_map(made_up_memory(4096), gup::dma_access::read, failure).has_value());
    CHECK(gup_test::says(failure, ENOSPC, "vfio_domain::pin of 4096 bytes"));
    CHECK(gup_test::says(failure, ENOSPC, "the longest has 0"));
}
