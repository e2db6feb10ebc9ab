// SPDX-License-Identifier: BSL-1.0
// Devices that come and go while their container is in use.
#include "gup/domain/vfio.hpp"
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"
#include "gup_test/watched_memory.hpp"

#include <cerrno>
#include <linux/vfio.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace {

using gup_test::heard_failures;
using gup_test::made_up_memory;
using gup_test::refusal;
using gup_test::says;
using gup_test::vfio_container;
using gup_test::vfio_device;
using gup_test::vfio_domain;
using gup_test::vfio_group;
using gup_test::vfio_pool;
using gup_test::vfio_scene;
using gup_test::watched_memory;
using kernel = gup_test::vfio_kernel;

constexpr auto both_ways = gup::dma_access::read_write;
const std::string edu = "0000:00:04.0";
const std::string nvme = "0000:00:05.0";

std::set<unsigned> groups_of(const vfio_container& container) {
    return kernel::descriptors.at(container.descriptor()).iommu->groups;
}

} // namespace

TEST_CASE("A device that was unbound and bound again, or replugged, is opened in the same container") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    { const vfio_device once(container, nvme); }
    kernel::end_group(2);
    const vfio_device again(container, nvme); // the container had no other device
    const vfio_device other(container, edu);
    const vfio_domain domain(container);
    kernel::end_group(1);
    const vfio_device same(container, edu); // it has another one, and a domain
    CHECK(groups_of(container) == std::set<unsigned>{1, 2});
    CHECK(kernel::descriptors.size() == 6); // and no old group
}

TEST_CASE("A group that has ended stays open as long as a handle shows its descriptor") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    std::optional<vfio_group> group(std::in_place, container, 2);
    kernel::end_group(2);
    const vfio_group next(container, 2);
    CHECK(next.descriptor() != group->descriptor());
    CHECK(kernel::descriptors.size() == 3);
    group.reset();
    CHECK(kernel::descriptors.size() == 2);
    CHECK(groups_of(container) == std::set<unsigned>{2});
}

TEST_CASE("A group that is only slow to answer is no group that has ended") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const vfio_group group(container, 1);
    kernel::refuse[VFIO_GROUP_GET_STATUS] = EIO;
    CHECK(vfio_group(container, 1).descriptor() == group.descriptor());
}

TEST_CASE("With its last device a domain loses its mappings, says so, and keeps no memory") {
    const heard_failures heard;
    vfio_scene scene;
    auto pool = std::make_unique<vfio_pool>(scene.domain, gup_test::small(2));
    auto page = gup::get_user_page(*pool);
    bool gone = false;
    auto pinned = scene.domain.pin(made_up_memory(8192), both_ways);
    CHECK(scene.domain.attached());
    CHECK(scene.domain.find_iova(page.bytes().data()).has_value());

    kernel::end_group(1);
    SECTION("that is asked for") { CHECK_FALSE(scene.domain.attached()); }
    SECTION("that is noticed when memory is pinned") {
        CHECK(says(refusal(scene.domain, made_up_memory(4096, 0x10000)), ENODEV,
                   "the last device of this container was unbound or removed"));
    }
    SECTION("that is noticed when another device joins") { const vfio_group other(scene.container, 2); }
    SECTION("that is noticed when another domain is made") {
        gup::pin_failure failure;
        CHECK_FALSE(vfio_domain::try_make(scene.container, {}, failure).has_value());
        CHECK(says(failure, EINVAL, "has no group"));
    }
    CHECK_FALSE(scene.domain.attached());
    CHECK_FALSE(scene.domain.find_iova(page.bytes().data()).has_value());
    CHECK(refusal(scene.domain, made_up_memory(4096, 0x10000)).code.value() == ENODEV);
    pinned.release(std::make_unique<watched_memory>(gone));
    CHECK(gone);
    gup::put_user_page(std::move(page), gup::clean);
    pool.reset();
    CHECK(heard.all.empty());
}

TEST_CASE("Memory that goes is what tells that the mappings have gone, too") {
    const heard_failures heard;
    vfio_scene scene;
    bool gone = false;
    auto pinned = scene.domain.pin(made_up_memory(8192), both_ways);
    kernel::end_group(1);
    pinned.release(std::make_unique<watched_memory>(gone));
    CHECK(gone);
    CHECK(heard.all.empty());
}

TEST_CASE("A domain that lost its devices maps nothing for those that come next") {
    const heard_failures heard;
    const gup_test::fresh_machine machine;
    const vfio_container container;
    std::optional<vfio_device> device(std::in_place, container, edu);
    std::optional<vfio_domain> domain(std::in_place, container);
    std::optional pinned = domain->pin(made_up_memory(8192), both_ways);
    device.reset();
    kernel::end_group(1);

    device.emplace(container, edu);
    CHECK(refusal(*domain, made_up_memory(4096)).code.value() == ENODEV);
    CHECK(kernel::mappings().empty());
    gup::pin_failure failure;
    CHECK_FALSE(vfio_domain::try_make(container, {}, failure).has_value());
    CHECK(says(failure, EBUSY, "lost its devices must go first"));
    bool gone = false;
    pinned->release(std::make_unique<watched_memory>(gone));
    CHECK(gone);
    domain.reset();
    vfio_domain next(container);
    const auto works = next.pin(made_up_memory(4096), both_ways);
    CHECK(kernel::mappings().size() == 1);
    CHECK(heard.all.empty());
}

TEST_CASE("A device of several leaves without the mappings") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const vfio_group first(container, 1);
    const vfio_group second(container, 2);
    vfio_domain domain(container);
    const auto pinned = domain.pin(made_up_memory(4096), both_ways);
    kernel::end_group(1);
    CHECK(domain.attached());
    CHECK(kernel::mappings().size() == 1);
    CHECK(domain.pin(made_up_memory(4096, 0x10000), both_ways).bytes() == 4096);
}

TEST_CASE("A group joins a container in use, and what it cannot address is given out no more") {
    vfio_scene scene;
    kernel::group_windows[2] = {{0x10000, 0x13fff}, {0x20000, 0x20fff}};
    {
        const auto pinned = scene.domain.pin(made_up_memory(4096), both_ways); // at 0x1000
        gup::pin_failure failure;
        CHECK_FALSE(vfio_group::try_make(scene.container, 2, failure).has_value());
        CHECK(says(failure, EINVAL, "at which memory is mapped already"));
    }
    const vfio_group second(scene.container, 2);
    const auto large = scene.domain.pin(made_up_memory(16384), both_ways);
    const auto small = scene.domain.pin(made_up_memory(4096), both_ways);
    CHECK(large.iova() == 0x10000);
    CHECK(small.iova() == 0x20000);
    CHECK(says(refusal(scene.domain, made_up_memory(4096)), ENOSPC, "the longest has 0"));
}

TEST_CASE("A group that makes the smallest page larger is heeded") {
    vfio_scene scene;
    kernel::page_sizes = ~std::uint64_t{0xffff};
    CHECK(says(refusal(scene.domain, made_up_memory(4096)), EINVAL, "a multiple of 65536"));
    CHECK(scene.domain.pin(made_up_memory(65536), both_ways).iova() == 0x10000);
}

TEST_CASE("An address that is refused although it is usable is no reason to try for ever") {
    vfio_scene scene;
    kernel::refuse[VFIO_IOMMU_MAP_DMA] = EINVAL;
    CHECK(says(refusal(scene.domain, made_up_memory(4096)), EINVAL, "leave the container to gup"));
    CHECK(kernel::ioctls[VFIO_IOMMU_MAP_DMA] == 1);
    kernel::reports_windows = false;
    kernel::refuse[VFIO_IOMMU_MAP_DMA] = EINVAL;
    CHECK(says(refusal(scene.domain, made_up_memory(4096)), EINVAL, "lower vfio_options::address_bits"));
}
