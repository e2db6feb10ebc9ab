// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/type1_mapper.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"
#include "gup_test/watched_memory.hpp"

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

namespace {

using gup_test::made_up_memory;
using kernel = gup_test::vfio_kernel;
using container_state = gup::detail::vfio_container_state<kernel>;

/// A mapper for all I/O addresses of so many bits.
struct mapper_scene : gup_test::fresh_machine {
    explicit mapper_scene(unsigned address_bits = 64) {
        auto container = container_state::try_open(failure);
        REQUIRE(container->try_attach(1, failure) != nullptr);
        REQUIRE(container->try_use(failure));
        gup::detail::container_use<kernel> use(std::move(container));
        const auto info = gup::detail::read_iommu_info<kernel>(use.fd(), failure);
        mapper.emplace(std::move(use), *info, address_bits);
    }
    gup::pin_failure failure{};
    std::optional<gup::detail::type1_mapper<kernel>> mapper{};
};

} // namespace

TEST_CASE("A mapper maps at addresses that it takes back, with the memory going in between") {
    mapper_scene s;
    const auto memory = made_up_memory(3 * 4096);
    const auto mark = s.mapper->try_pin(memory, gup::dma_access::read_write, s.failure);
    REQUIRE(mark.has_value());
    CHECK(kernel::mappings().begin()->first == mark->iova());
    bool gone = false;
    s.mapper->unpin(*mark, memory, std::make_unique<gup_test::watched_memory>(gone));
    CHECK(gone);
    const auto again = s.mapper->try_pin(memory, gup::dma_access::read_write, s.failure);
    REQUIRE(again.has_value());
    CHECK(again->iova() == mark->iova());
    s.mapper->unpin(*again, memory, nullptr);
    CHECK(kernel::mappings().empty());
}

TEST_CASE("A mapper finds the I/O address of what is mapped, as long as it is") {
    mapper_scene s;
    const auto memory = made_up_memory(2 * 4096);
    const auto mark = s.mapper->try_pin(memory, gup::dma_access::read_write, s.failure);
    REQUIRE(mark.has_value());
    CHECK(s.mapper->find(memory.data() + 5000) == mark->iova() + 5000);
    s.mapper->unpin(*mark, memory, nullptr);
    CHECK_FALSE(s.mapper->find(memory.data() + 5000).has_value());
}

TEST_CASE("A mapper without addresses says that there are none") {
    mapper_scene s(12); // no address but those of granule 0
    s.failure.call = "vfio_domain::pin";
    CHECK_FALSE(s.mapper->try_pin(made_up_memory(4096), gup::dma_access::read, s.failure).has_value());
    CHECK(gup_test::says(s.failure, ENOSPC, "vfio_domain::pin"));
    CHECK(gup_test::says(s.failure, ENOSPC, "the longest has 0"));
}
