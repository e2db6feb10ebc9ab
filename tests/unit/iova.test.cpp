// SPDX-License-Identifier: BSL-1.0
#include "gup/iova.hpp"

#include "gup/caller_memory.hpp"
#include "gup/device_operations.hpp"
#include "gup/domains.hpp"
#include "gup/linear.hpp"
#include "gup/local.hpp"
#include "gup/tracked.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/proxies.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace {

using gup::dma_access;
using gup_test::vfio_container;
using gup_test::vfio_domain;
using gup_test::vfio_group;
using gup_test::vfio_pool;
using pool_scene = gup_test::vfio_pool_scene;
using kernel = gup_test::vfio_kernel;
using token = gup::in_flight<gup::user_page_ref<vfio_domain>>;

} // namespace

TEST_CASE("Every page of a slab has the I/O address of the slab plus its place, with one mapping for all") {
    gup_test::vfio_scene scene;
    vfio_pool pool(scene.domain, gup_test::small(64, 8192));
    REQUIRE(kernel::mappings().size() == 1);
    const auto mapped = kernel::mappings().begin()->second;
    CHECK(mapped.bytes == 64 * 8192);
    for (const auto& page : gup::get_user_pages(pool, 64)) {
        const auto address = reinterpret_cast<std::uintptr_t>(page.bytes().data());
        CHECK(gup::iova(page) == mapped.iova + (address - mapped.vaddr));
    }
    CHECK(kernel::ioctls[VFIO_IOMMU_MAP_DMA] == 1);
}

TEST_CASE("Whoever holds a page has its I/O address") {
    pool_scene scene;
    auto page = gup::get_user_page(scene.pool);
    const std::uint64_t iova = gup::iova(page);
    const auto* const bytes = page.bytes().data();
    const auto second = gup::ref_user_page(page);
    CHECK(gup::iova(second) == iova);
    token operation = gup::start_dma_to_device(std::move(page), 1);
    CHECK(gup::iova(operation) == iova);
    gup::linear held{
        gup::complete(std::move(operation), 1)}; // a CHECK before its put would be a way without it
    const std::uint64_t iova_of_held = gup::iova(held);
    const auto* const bytes_of_held = held.bytes().data();
    gup::put_user_page(std::move(held), gup::clean);
    CHECK(iova_of_held == iova);
    CHECK(bytes_of_held == bytes);
}

TEST_CASE("A page has the same I/O address through a proxy") {
    pool_scene scene;
    gup_test::source_log log;
    {
        const auto page = gup::get_page(scene.pool);
        auto source = gup::make_source<gup_test::one_page_source<vfio_domain>>(page, log);
        const auto named = source->make(7);
        const auto direct = gup::get_user_page(page);
        const auto through = gup::get_user_page(named);
        CHECK(gup::page_proxied(through));
        CHECK(gup::iova(through) == gup::iova(direct));
    }
    CHECK(log.destroyed == 1);
}

TEST_CASE("The caller's memory has an I/O address, and a second mapping of it has the same") {
    gup_test::vfio_scene scene;
    const gup_test::memory_file file(2);
    const gup_test::mapping first(file.fd(), 0, 2), second(file.fd(), 0, 2);
    {
        const auto one = gup::get_user_pages(scene.domain, first.all());
        const auto two = gup::get_user_pages(scene.domain, second.all());
        CHECK(two.bytes().data() == second.page(0));
        CHECK(kernel::mappings().size() == 1);
        CHECK(gup::iova(one) == kernel::mappings().begin()->first);
        CHECK(gup::iova(two) == gup::iova(one));
    }
    CHECK(kernel::mappings().empty());
}

TEST_CASE("Pages of one thread, and those whose accesses are followed, have I/O addresses too") {
    gup_test::vfio_scene scene;
    const auto lend = [](auto pool) {
        auto operation = gup::start_dma_from_device(gup::get_user_page(pool), 1);
        CHECK(gup::iova(operation) == kernel::mappings().begin()->first);
        CHECK(gup::complete(std::move(operation), 1));
    };
    lend(gup::page_pool(gup::local<vfio_domain>(scene.domain), gup_test::small(1)));
    lend(gup::page_pool(gup::tracked<vfio_domain>(scene.domain), {.pages = 1}));
    CHECK(kernel::mappings().empty());
}

TEST_CASE("A page of two containers has an I/O address in each") {
    struct other_tag;
    using other_domain = gup::vfio_domain<other_tag, kernel>;
    using two_domains = gup::domains<vfio_domain, other_domain>;
    gup_test::vfio_scene scene;
    const auto first = scene.domain.pin(gup_test::made_up_memory(4096), dma_access::read);
    const vfio_container container;
    const vfio_group group(container, 2);
    gup::page_pool<two_domains> pool(two_domains(scene.domain, other_domain(container)), gup_test::small(1));
    auto page = gup::get_user_page(pool);
    CHECK(gup::iova<vfio_domain>(page) == 0x2000);
    CHECK(gup::iova<other_domain>(page) == 0x1000);
    auto operation = gup::start_dma_to_device<other_domain>(std::move(page), 1);
    static_assert(std::is_same_v<decltype(operation), gup::in_flight<decltype(page), other_domain::place>>);
    static_assert(!std::is_same_v<vfio_domain::place, other_domain::place>);
    CHECK(gup::iova<other_domain>(operation) == 0x1000);
    CHECK(gup::complete(std::move(operation), 1));
}
