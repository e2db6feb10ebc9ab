// SPDX-License-Identifier: BSL-1.0
// What becomes of mappings: who unmaps them, in which order, and what the kernel says about it.
#include "gup/domain/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/vfio_scene.hpp"
#include "gup_test/watched_memory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using gup_test::heard_failures;
using gup_test::made_up_memory;
using gup_test::vfio_container;
using gup_test::vfio_device;
using gup_test::vfio_domain;
using gup_test::vfio_group;
using gup_test::vfio_pool;
using gup_test::vfio_scene;
using gup_test::watched_memory;
using kernel = gup_test::vfio_kernel;

constexpr auto both_ways = gup::dma_access::read_write;

/// What the kernel may say to an unmap that leaves the mapping in doubt.
struct doubt {
    const char* name;
    int refused;                           ///< an errno, or 0
    std::optional<std::uint64_t> reported; ///< bytes
    int errno_heard;
};
const std::array doubts{doubt{"refused", EINVAL, {}, EINVAL}, doubt{"nothing", 0, 0, ENOENT},
                        doubt{"less", 0, 4096, ENOENT}, doubt{"more", 0, 16384, ENOENT}};

void raise(const doubt& d) {
    if (d.refused != 0) kernel::refuse[VFIO_IOMMU_UNMAP_DMA] = d.refused;
    kernel::next_unmap_reports = d.reported;
}

} // namespace

TEST_CASE("Memory goes after it was unmapped") {
    vfio_scene scene;
    bool gone = false;
    auto pinned = scene.domain.pin(made_up_memory(8192), both_ways);
    pinned.release(std::make_unique<watched_memory>(gone));
    CHECK(gone);
    CHECK(pinned.bytes() == 0);
    CHECK(kernel::mappings().empty());
    pinned.release(nullptr);
    CHECK(kernel::ioctls[VFIO_IOMMU_UNMAP_DMA] == 1);
}

TEST_CASE("A registration that was moved unmaps once, one that is assigned to unmaps what it had") {
    vfio_scene scene;
    auto first = scene.domain.pin(made_up_memory(4096, 0x10000), both_ways);
    auto second = scene.domain.pin(made_up_memory(8192, 0x20000), both_ways);
    const std::uint64_t iova = second.iova();
    first = std::move(second);
    CHECK(first.iova() == iova);
    CHECK(first.bytes() == 8192);
    CHECK(kernel::mappings().size() == 1);
    CHECK(kernel::mappings().begin()->first == iova);
    auto& same = first;
    first = std::move(same);
    CHECK(kernel::mappings().size() == 1);
    first = {};
    CHECK(kernel::mappings().empty());
    CHECK(kernel::ioctls[VFIO_IOMMU_UNMAP_DMA] == 2);
}

TEST_CASE("Memory that may still be mapped is reported and kept, and its addresses are never used again") {
    for (const doubt& d : doubts) {
        INFO(d.name);
        const gup_test::fresh_machine machine;
        const heard_failures heard;
        const gup_test::leak_on_purpose leak;
        kernel::windows = {{0x1000, 0x4fff}}; // of four pages
        kernel::entry_limit = 2;
        const vfio_container container;
        const vfio_group group(container, 1);
        vfio_domain domain(container);
        bool gone = false;
        auto pinned = domain.pin(made_up_memory(8192), both_ways);
        const std::uint64_t iova = pinned.iova();
        raise(d);
        pinned.release(std::make_unique<watched_memory>(gone));

        CHECK_FALSE(gone);
        REQUIRE(heard.all.size() == 1);
        CHECK(heard.all[0].code.value() == d.errno_heard);
        CHECK(heard.all[0].range.data() == made_up_memory(0).data());
        CHECK(heard.all[0].range.size() == 8192);
        CHECK(std::string(heard.all[0].call) == "ioctl(VFIO_IOMMU_UNMAP_DMA)");
        const auto next = domain.pin(made_up_memory(8192), both_ways);
        CHECK(next.iova() != iova);
        CHECK(gup_test::refusal(domain, made_up_memory(4096)).code.value() == ENOSPC);
    }
}

TEST_CASE("A pool that may still be mapped keeps its memory") {
    vfio_scene scene;
    const heard_failures heard;
    const gup_test::leak_on_purpose leak;
    std::optional<vfio_pool> pool(std::in_place, scene.domain, gup_test::small(2));
    std::byte* memory = nullptr;
    {
        const auto page = gup::get_user_page(*pool);
        memory = page.bytes().data();
    }
    kernel::next_unmap_reports = 0;
    pool.reset();
    CHECK(heard.all.size() == 1);
    *memory = std::byte{1}; // crashes if it is gone
    CHECK(*memory == std::byte{1});
}

TEST_CASE("A forked child maps nothing and unmaps nothing") {
    vfio_scene scene;
    std::optional pinned = scene.domain.pin(made_up_memory(4096), both_ways);
    std::optional<vfio_pool> pool(std::in_place, scene.domain, gup_test::small(2));
    const auto child = gup_test::in_child([&] {
        kernel::forget_calls();
        gup::pin_failure failure;
        const bool refused = !scene.domain.try_pin(made_up_memory(4096, 0x10000), both_ways, failure);
        const bool right = failure.code.value() == EPERM &&
                           gup_test::contains(failure.message(), "open a container of your own");
        pinned.reset();
        pool.reset();
        scene.domain = vfio_domain(scene.domain);
        return refused && right && kernel::ioctls.empty() ? 0 : 1;
    });
    CHECK(child.exited_with(0));
    CHECK(kernel::mappings().size() == 2);
}

TEST_CASE("Handles go in any order: unmapped first, then closed from the device to the container") {
    const std::array<const char*, 6> names{"container", "group", "device", "domain", "pool", "page"};
    std::array<std::size_t, 6> order{0, 1, 2, 3, 4, 5};
    do {
        const gup_test::fresh_machine machine;
        std::string said;
        for (const std::size_t which : order) said += std::string(names.at(which)) + " ";
        INFO(said);
        std::optional<vfio_container> container(std::in_place);
        std::optional<vfio_group> group(std::in_place, *container, 2);
        std::optional<vfio_device> device(std::in_place, *container, "0000:00:04.0");
        std::optional<vfio_domain> domain(std::in_place, *container);
        std::optional<vfio_pool> pool(std::in_place, *domain, gup_test::small(2));
        std::optional page = gup::get_user_page(*pool);
        bool page_out = true;
        for (const std::size_t which : order) {
            CHECK_FALSE(kernel::nothing_left());
            if (which == 0) container.reset();
            if (which == 1) group.reset();
            if (which == 2) device.reset();
            if (which == 3) domain.reset();
            if (which == 4) pool.reset();
            if (which == 5) page.reset(), page_out = false;
            if (page_out) REQUIRE(kernel::mappings().size() == 1);
        }
        CHECK(kernel::nothing_left());
        REQUIRE(kernel::log.size() == 6);
        CHECK(kernel::log[0] == "map");
        const auto at = [](const char* what) { return std::ranges::find(kernel::log, what); };
        CHECK(at("unmap") < at("close group 1"));
        CHECK(at("unmap") < at("close group 2"));
        CHECK(at("close device 0000:00:04.0") < at("close group 1"));
        CHECK(kernel::log.back() == "close container");
    } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("Several threads map and unmap at once") {
    vfio_scene scene;
    std::vector<std::thread> threads;
    for (std::uintptr_t t = 1; t <= 4; ++t)
        threads.emplace_back([&scene, t] {
            for (std::uintptr_t i = 0; i < 200; ++i) {
                auto own = scene.domain;
                auto first = own.pin(made_up_memory(4096 * (1 + i % 7), t << 32), both_ways);
                const auto second =
                    own.pin(made_up_memory(4096, (t << 32) + 0x10'0000), gup::dma_access::read);
                first = {};
            }
        });
    for (std::thread& one : threads) one.join();
    CHECK(kernel::mappings().empty());
    CHECK(kernel::ioctls[VFIO_IOMMU_MAP_DMA] == 1600);
    CHECK(kernel::ioctls[VFIO_IOMMU_UNMAP_DMA] == 1600);
    CHECK(scene.domain.pin(made_up_memory(4096), both_ways).iova() == 0x1000);
}
