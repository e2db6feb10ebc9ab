// SPDX-License-Identifier: BSL-1.0
// The look-up of a pointer's I/O address, on pretended devices.
#include "gup/domain/vfio.hpp"

#include "gup/dma_access.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace {

using gup_test::made_up_memory;
using gup_test::vfio_pool;
using gup_test::vfio_scene;
using kernel = gup_test::vfio_kernel;

constexpr std::size_t mebi = 1 << 20;
constexpr auto both_ways = gup::dma_access::read_write;

} // namespace

TEST_CASE("The I/O address of any byte is found while its memory is mapped") {
    vfio_scene scene;
    const auto memory = made_up_memory(4 * mebi);
    CHECK_FALSE(scene.domain.find_iova(memory.data()));
    {
        const auto pinned = scene.domain.pin(memory, both_ways);
        for (const std::size_t at : {std::size_t{0}, std::size_t{1}, mebi + 5, memory.size() - 1})
            CHECK(scene.domain.find_iova(memory.data() + at) == pinned.iova() + at);
        CHECK_FALSE(scene.domain.find_iova(memory.data() - 1));
        CHECK_FALSE(scene.domain.find_iova(memory.data() + memory.size()));
    }
    CHECK_FALSE(scene.domain.find_iova(memory.data()));
}

TEST_CASE("Memory that the kernel did not map has no I/O address") {
    vfio_scene scene;
    const auto memory = made_up_memory(4096);
    kernel::refuse[VFIO_IOMMU_MAP_DMA] = ENOMEM;
    gup::pin_failure failure;
    CHECK_FALSE(scene.domain.try_pin(memory, both_ways, failure));
    CHECK_FALSE(scene.domain.find_iova(memory.data()));
}

TEST_CASE("Memory mapped twice is found until both mappings have gone") {
    vfio_scene scene;
    const auto memory = made_up_memory(4096);
    std::optional first = scene.domain.pin(memory, both_ways);
    std::optional second = scene.domain.pin(memory, both_ways);
    const std::uint64_t left = second->iova();
    first.reset();
    CHECK(scene.domain.find_iova(memory.data()) == left);
    second.reset();
    CHECK_FALSE(scene.domain.find_iova(memory.data()));
}

TEST_CASE("What is found within a pool's page agrees with the I/O address of its reference") {
    vfio_scene scene;
    vfio_pool pool(scene.domain, {.pages = 3, .memory = gup::memory_kind::small_pages});
    const auto page = gup::get_user_page(pool);
    const auto* const inside = page.bytes().data() + 100;
    CHECK(scene.domain.find_iova(inside) == gup::iova(page) + 100);
}
