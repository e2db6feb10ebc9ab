// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/iova/mapping_table.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <cstdint>

namespace {

using gup::detail::mapping_table;
using gup_test::made_up_memory;

constexpr std::uint64_t granule = 4096;

} // namespace

TEST_CASE("Addresses that are taken are others' no more, until they are given back") {
    mapping_table table({{0x10000, 0x11fff}}, 64, granule, 8);
    gup::pin_failure failure{.call = "a pin"};
    const auto memory = made_up_memory(granule);
    const auto first = table.take(memory, failure), second = table.take(memory, failure);
    REQUIRE((first && second));
    CHECK(*first != *second);
    CHECK_FALSE(table.take(memory, failure));
    CHECK(gup_test::says(failure, ENOSPC, "a pin"));
    CHECK(gup_test::says(failure, ENOSPC, "the longest has 0"));
    table.give_back(memory, *first);
    CHECK(table.take(memory, failure) == first);
}

TEST_CASE("Addresses are found between set and clear, and not before") {
    mapping_table table({{0x10000, 0x1ffff}}, 64, granule, 8);
    gup::pin_failure failure;
    const auto memory = made_up_memory(2 * granule);
    const auto iova = table.take(memory, failure);
    REQUIRE(iova);
    CHECK_FALSE(table.find(memory.data()));
    table.set(memory, *iova);
    CHECK(table.find(memory.data() + granule + 1) == *iova + granule + 1);
    table.clear(memory, *iova);
    CHECK_FALSE(table.find(memory.data()));
}

TEST_CASE("No more mappings are made than the kernel allows, and what somebody else has mapped is never "
          "given out") {
    mapping_table table({{0x10000, 0x1ffff}}, 64, granule, 1);
    gup::pin_failure failure;
    const auto memory = made_up_memory(granule);
    const auto others = table.take(memory, failure);
    REQUIRE(others);
    CHECK_FALSE(table.take(memory, failure));
    CHECK(gup_test::says(failure, ENOSPC, "may hold 1 mappings"));
    CHECK(gup_test::says(failure, ENOSPC,
                         "`echo 2 > /sys/module/vfio_iommu_type1/parameters/dma_entry_limit`"));
    table.abandon();
    const auto ours = table.take(memory, failure);
    REQUIRE(ours);
    CHECK(*ours != *others);
}
