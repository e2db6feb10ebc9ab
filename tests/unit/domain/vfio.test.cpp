// SPDX-License-Identifier: BSL-1.0
// The domain's own contract, on pretended devices. vfio_release.test.cpp has what becomes of its mappings.
#include "gup/domain/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using gup::dma_access;
using gup_test::failure_of;
using gup_test::made_up_memory;
using gup_test::refusal;
using gup_test::says;
using gup_test::vfio_container;
using gup_test::vfio_domain;
using gup_test::vfio_pool;
using gup_test::vfio_scene;
using kernel = gup_test::vfio_kernel;

constexpr std::uint64_t mebi = 1 << 20;
constexpr auto both_ways = dma_access::read_write;

gup::pin_failure refused_domain(const vfio_container& container, gup::vfio_options options = {}) {
    gup::pin_failure failure;
    CHECK_FALSE(vfio_domain::try_make(container, options, failure).has_value());
    return failure;
}

/// The first address that a domain with these windows gives to so many bytes.
std::uint64_t first_iova(std::vector<gup_test::pretend_iommu::window> windows, std::uint64_t bytes,
                         gup::vfio_options options = {}) {
    const gup_test::fresh_machine machine;
    kernel::windows = std::move(windows);
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    vfio_domain domain(container, options);
    return domain.pin(made_up_memory(bytes), both_ways).iova();
}

} // namespace

static_assert(gup::pin_domain<vfio_domain>);
static_assert(std::is_nothrow_move_constructible_v<vfio_domain::registration>);
static_assert(!std::is_copy_constructible_v<vfio_domain::registration>);
static_assert(!std::is_same_v<gup::vfio_domain<struct one>, gup::vfio_domain<struct other>>);

TEST_CASE("A range is mapped with one call and unmapped with one") {
    vfio_scene scene;
    {
        const auto pinned = scene.domain.pin(made_up_memory(64 * 4096), both_ways);
        REQUIRE(kernel::mappings().size() == 1);
        const auto mapped = kernel::mappings().begin()->second;
        CHECK(mapped.iova == pinned.iova());
        CHECK(mapped.vaddr == 0x7000'0000'0000);
        CHECK(mapped.bytes == pinned.bytes());
        CHECK(pinned.bytes() == 64 * 4096);
    }
    CHECK(kernel::mappings().empty());
    CHECK(kernel::ioctls[VFIO_IOMMU_MAP_DMA] == 1);
    CHECK(kernel::ioctls[VFIO_IOMMU_UNMAP_DMA] == 1);
}

TEST_CASE("Devices may write only to what is pinned for reading and writing") {
    vfio_scene scene;
    constexpr std::uint32_t both = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
    for (const auto& [access, flags] :
         {std::pair{dma_access::read, std::uint32_t{VFIO_DMA_MAP_FLAG_READ}},
          std::pair{dma_access::to_device, std::uint32_t{VFIO_DMA_MAP_FLAG_READ}},
          std::pair{dma_access::read_write, both}}) {
        const auto pinned = scene.domain.pin(made_up_memory(4096), access);
        CHECK(kernel::mappings().begin()->second.flags == flags);
    }
}

TEST_CASE("Memory that devices only read is populated first, so that it is not the page of zeroes") {
    vfio_scene scene;
    { const auto pinned = scene.domain.pin(made_up_memory(8192), both_ways); }
    CHECK(kernel::populated == 0);
    { const auto pinned = scene.domain.pin(made_up_memory(8192), dma_access::to_device); }
    CHECK(kernel::populated == 8192);
}

TEST_CASE("Huge pages are mapped at addresses that let the IOMMU use its own") {
    vfio_scene scene;
    const auto small = scene.domain.pin(made_up_memory(4096, 0x7fff'0000'1000), both_ways);
    CHECK(scene.domain.pin(made_up_memory(4 * mebi), both_ways).iova() % (2 * mebi) == 0);
    CHECK(scene.domain.pin(made_up_memory(1024 * mebi, std::uintptr_t{1} << 40), both_ways).iova() %
              (1024 * mebi) ==
          0);
}

TEST_CASE("Where no aligned run is free, small pages are better than none") {
    CHECK(first_iova({{0x1000, 0x40'1fff}}, 4 * mebi) % (2 * mebi) != 0);
    CHECK(first_iova({{0x1000, 0x80'1fff}}, 4 * mebi) % (2 * mebi) == 0);
}

TEST_CASE("Only what the IOMMU translates is used, and never address 0") {
    CHECK(first_iova({{0, 0x1fff}}, 4096) == 0x1000);
    CHECK(first_iova({{0x10'0000, 0x10'1fff}, {0x80'0000, 0x80'3fff}}, 4 * 4096) == 0x80'0000);
    vfio_scene scene;
    std::vector<vfio_domain::registration> all;
    for (std::uintptr_t place = 1; place <= 7; ++place) // the window of the interrupts is in their way
        all.push_back(scene.domain.pin(made_up_memory(63 * 1024 * mebi, place << 40), both_ways));
    CHECK(kernel::mappings().size() == 7);
}

TEST_CASE("Without a list of windows the kernel is asked when memory is mapped") {
    const gup_test::fresh_machine machine;
    kernel::reports_windows = kernel::reports_entries = false;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    vfio_domain domain(container);
    CHECK(domain.pin(made_up_memory(4096), both_ways).iova() % 4096 == 0);
}

TEST_CASE("The width of the addresses that a device can send is kept to") {
    CHECK(first_iova({{0, 0xffff}, {0x10'0000, 0x1f'ffff}}, 15 * 4096, {.address_bits = 16}) == 4096);
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    vfio_domain domain(container, {.address_bits = 16});
    CHECK(says(refusal(domain, made_up_memory(16 * 4096)), ENOSPC, "the longest has 61440"));
    CHECK(says(refusal(domain, made_up_memory(16 * 4096)), ENOSPC, "raise vfio_options::address_bits"));
}

TEST_CASE("A width that makes no sense is refused") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    CHECK(says(refused_domain(container, {.address_bits = 11}), EINVAL, "from 12 to 64"));
    CHECK(says(refused_domain(container, {.address_bits = 65}), EINVAL, "from 12 to 64"));
    CHECK(failure_of([&] { vfio_domain(container, {.address_bits = 0}); }).code.value() == EINVAL);
    CHECK_NOTHROW(vfio_domain(container, {.address_bits = 12}));
    CHECK_NOTHROW(vfio_domain(container, {.address_bits = 64}));
}

TEST_CASE("A container has a group before it has a domain, and one domain at a time") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    CHECK(says(refused_domain(container), EINVAL, "make a vfio_group or a vfio_device"));
    const gup_test::vfio_group group(container, 1);
    {
        const vfio_domain domain(container);
        CHECK(says(refused_domain(container), EBUSY, "copy that one"));
        CHECK(vfio_domain(domain) == domain);
    }
    CHECK_NOTHROW(vfio_domain(container));
}

TEST_CASE("A domain that cannot be made leaves its container to others") {
    const gup_test::fresh_machine machine;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    kernel::refuse[VFIO_IOMMU_GET_INFO] = EIO;
    CHECK(says(refused_domain(container), EIO, "VFIO_IOMMU_GET_INFO"));
    CHECK_NOTHROW(vfio_domain(container));
}

TEST_CASE("Ranges that no IOMMU maps are refused without asking the kernel") {
    vfio_scene scene;
    CHECK(says(refusal(scene.domain, {}), EINVAL, "empty"));
    CHECK(says(refusal(scene.domain, made_up_memory(0)), EINVAL, "empty"));
    CHECK(says(refusal(scene.domain, made_up_memory(4095)), EINVAL, "multiple of 4096"));
    CHECK(says(refusal(scene.domain, made_up_memory(4096, 0x7000'0000'0800)), EINVAL, "multiple of 4096"));
    CHECK(says(refusal(scene.domain, made_up_memory(8192, ~std::uintptr_t{4095})), EINVAL, "wraps"));
    CHECK(kernel::ioctls[VFIO_IOMMU_MAP_DMA] == 0);
    CHECK(failure_of([&] { static_cast<void>(scene.domain.pin({}, both_ways)); }).code.value() == EINVAL);
}

TEST_CASE("An IOMMU with larger pages maps whole ones of them") {
    const gup_test::fresh_machine machine;
    kernel::page_sizes = 0x10000 | 0x20'0000;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    vfio_domain domain(container);
    CHECK(says(refusal(domain, made_up_memory(4096)), EINVAL, "multiple of 65536"));
    CHECK(domain.pin(made_up_memory(0x10000), both_ways).iova() % 0x10000 == 0);
}

TEST_CASE("More mappings than the container may hold are refused before the kernel is asked") {
    const gup_test::fresh_machine machine;
    kernel::entry_limit = 2;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    vfio_domain domain(container);
    std::optional first = domain.pin(made_up_memory(4096, 0x1'0000), both_ways);
    const auto second = domain.pin(made_up_memory(4096, 0x2'0000), both_ways);
    const auto failure = refusal(domain, made_up_memory(4096, 0x3'0000));
    CHECK(says(failure, ENOSPC, "may hold 2 mappings"));
    CHECK(says(failure, ENOSPC, "echo 4 > /sys/module/vfio_iommu_type1/parameters/dma_entry_limit"));
    CHECK(kernel::ioctls[VFIO_IOMMU_MAP_DMA] == 2);
    first.reset();
    CHECK(domain.pin(made_up_memory(4096, 0x3'0000), both_ways).bytes() == 4096);
}

TEST_CASE("What the kernel refuses is explained, and its addresses are free again") {
    const gup_test::fresh_machine machine;
    kernel::windows = {{0x1000, 0x1fff}}; // of one page
    kernel::entry_limit = 1;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    vfio_domain domain(container);
    const auto refused = [&](int error) {
        kernel::refuse[VFIO_IOMMU_MAP_DMA] = error;
        return refusal(domain, made_up_memory(4096));
    };
    CHECK(says(refused(EFAULT), EFAULT, "dma_access::read"));
    CHECK(says(refused(ENOMEM), ENOMEM, "short of memory"));
    CHECK(says(refused(ENOSPC), ENOSPC, "dma_entry_limit"));
    CHECK(says(refused(EINVAL), EINVAL, "leave the container to gup"));
    CHECK(says(refused(EIO), EIO, "does not know"));
    CHECK(refused(EFAULT).range.size() == 4096);
    CHECK(std::string(refused(EFAULT).call) == "ioctl(VFIO_IOMMU_MAP_DMA)");
    CHECK(domain.pin(made_up_memory(4096), both_ways).iova() == 0x1000);
}

TEST_CASE("Addresses at which something else has mapped memory are never tried again") {
    const gup_test::fresh_machine machine;
    kernel::entry_limit = 2;
    const vfio_container container;
    const gup_test::vfio_group group(container, 1);
    vfio_domain domain(container);
    vfio_iommu_type1_dma_map theirs{};
    theirs.argsz = sizeof theirs;
    theirs.flags = VFIO_DMA_MAP_FLAG_READ;
    theirs.iova = theirs.vaddr = 0x1000;
    theirs.size = 4096;
    REQUIRE(kernel::ioctl(container.descriptor(), VFIO_IOMMU_MAP_DMA, &theirs) == 0);
    CHECK(
        says(refusal(domain, made_up_memory(4096)), EEXIST, "leave the addresses of this container to gup"));
    std::optional pinned = domain.pin(made_up_memory(4096), both_ways);
    CHECK(pinned->iova() == 0x2000);
    pinned.reset();
    kernel::entry_limit = 3; // the domain's share is still two
    const auto again = domain.pin(made_up_memory(4096), both_ways);
    CHECK(again.iova() == 0x2000);
    CHECK(domain.pin(made_up_memory(4096, 0x1'0000), both_ways).iova() == 0x3000);
}

TEST_CASE("A budget that is exceeded is named with its numbers") {
    vfio_scene scene;
    kernel::limit = 3 * 4096;
    const auto pinned = scene.domain.pin(made_up_memory(2 * 4096, 0x1'0000), both_ways);
    const auto failure = refusal(scene.domain, made_up_memory(2 * 4096, 0x2'0000));
    CHECK(says(failure, ENOMEM, "VmLck"));
    CHECK(failure.budget == gup::pin_budget::locked_vm);
    CHECK(failure.need == 2 * 4096);
    CHECK(failure.use == 2 * 4096);
    CHECK(failure.limit == 3 * 4096);
}

TEST_CASE("A pool cannot fall back to memory without I/O addresses") {
    vfio_scene scene;
    gup::pool_options options = gup_test::small(2);
    options.fallback = gup::pin_fallback::unpinned;
    kernel::refuse[VFIO_IOMMU_MAP_DMA] = EFAULT;
    CHECK(failure_of([&] { vfio_pool(scene.domain, options); }).code.value() == EFAULT);
    CHECK(kernel::mappings().empty());
}
