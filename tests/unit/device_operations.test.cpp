// SPDX-License-Identifier: BSL-1.0
#include "gup/device_operations.hpp"

#include "gup/domain/io_uring.hpp"
#include "gup/domains.hpp"
#include "gup/linear.hpp"
#include "gup/local.hpp"
#include "gup/tracked.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/proxies.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace {

using gup::dma_access;
using gup_test::failure_of;
using gup_test::says;
using gup_test::vfio_container;
using gup_test::vfio_domain;
using gup_test::vfio_group;
using gup_test::vfio_pool;
using pool_scene = gup_test::vfio_pool_scene;
using kernel = gup_test::vfio_kernel;
using token = gup::in_flight<gup::user_page_ref<vfio_domain>>;

/// Pages that a ring and a device can reach.
using ring_domain = gup::io_uring_domain<void, gup_test::pretend_rings>;
using both_domains = gup::domains<ring_domain, vfio_domain>;

struct ring_and_device : gup_test::fresh_kernel {
    gup_test::vfio_scene scene;
    gup_test::stub_ring ring;
    both_domains domain{ring_domain(ring.handle()), scene.domain};
    gup::page_pool<both_domains> pool{domain, gup_test::small(4)};
};

} // namespace

TEST_CASE("What a device reads stays clean, what it writes is dirty when it is complete") {
    pool_scene scene;
    auto page = gup::get_user_page(scene.pool);
    const auto observer = gup::ref_user_page(page);
    token operation = gup::start_dma_to_device(std::move(page), 5);
    CHECK_FALSE(page);
    CHECK(operation.user_data() == 5);
    page = gup::complete(std::move(operation), 5);
    CHECK_FALSE(gup::page_dirty(observer));

    operation = gup::start_dma_from_device(std::move(page), 6);
    CHECK_FALSE(gup::page_dirty(observer));
    page = gup::complete(std::move(operation), 6);
    CHECK(gup::page_dirty(observer));
    CHECK_FALSE(operation);
}

TEST_CASE("A completion with the number of another operation changes nothing") {
    pool_scene scene;
    auto page = gup::get_user_page(scene.pool);
    const auto observer = gup::ref_user_page(page);
    token operation = gup::start_dma_from_device(std::move(page), 5);
    CHECK(says(failure_of([&] { static_cast<void>(gup::complete(std::move(operation), 6)); }), ESTALE,
               "of another operation"));
    CHECK(operation);
    CHECK_FALSE(gup::page_dirty(observer));
    CHECK(gup::complete(std::move(operation), 5));
    CHECK(says(failure_of([&] { static_cast<void>(gup::complete(std::move(operation), 5)); }), ESTALE,
               "the token is empty"));
}

TEST_CASE("An operation that the device was never told of is taken back, and its page is clean") {
    pool_scene scene;
    auto page = gup::get_user_page(scene.pool);
    const auto* const bytes = page.bytes().data();
    token operation = gup::start_dma_from_device(std::move(page), 5);
    page = gup::take_back(std::move(operation));
    CHECK(page.bytes().data() == bytes);
    CHECK_FALSE(gup::page_dirty(page));
    CHECK(
        says(failure_of([&] { static_cast<void>(gup::take_back(std::move(operation))); }), ESTALE, "empty"));
}

TEST_CASE("A token is named or moved") {
    pool_scene scene;
    token operation = gup::start_dma_from_device(gup::get_user_page(scene.pool), 5);
    auto page = gup::complete(operation, 5);
    CHECK_FALSE(operation);
    operation = gup::start_dma_from_device(std::move(page), 6);
    CHECK(gup::take_back(operation));
    CHECK_FALSE(operation);
}

TEST_CASE("An empty reference starts no operation") {
    gup::user_page_ref<vfio_domain> none;
    CHECK(says(failure_of([&] { static_cast<void>(gup::start_dma_to_device(std::move(none), 1)); }), EINVAL,
               "the reference is empty"));
    CHECK(says(failure_of([&] { static_cast<void>(gup::start_dma_from_device(std::move(none), 1)); }), EINVAL,
               "the reference is empty"));
}

TEST_CASE("A token that is forgotten is reported, and its page stays mapped") {
    const gup_test::heard_failures heard;
    const gup_test::leak_on_purpose leak;
    std::optional<pool_scene> scene(std::in_place);
    { const token forgotten = gup::start_dma_to_device(gup::get_user_page(scene->pool), 1); }
    REQUIRE(heard.all.size() == 1);
    CHECK(std::string(heard.all[0].call) == "dropping an in_flight before its completion");
    CHECK(heard.all[0].range.size() == 4096);
    CHECK(scene->pool.stats().pinned == 1);
    scene.reset();
    CHECK(kernel::mappings().size() == 1);
    CHECK(kernel::descriptors.size() == 2);
}

TEST_CASE("Pages that a device only reads are lent with every access") {
    gup_test::vfio_scene scene;
    gup::page_pool<vfio_domain, dma_access::to_device> pool(scene.domain, gup_test::small(1));
    auto operation = gup::start_dma_to_device(gup::get_user_page(pool), 1);
    CHECK(gup::iova(operation) == kernel::mappings().begin()->first);
    CHECK(gup::complete(std::move(operation), 1));
}

TEST_CASE("A page of a ring and a device is completed by the one that has it") {
    ring_and_device s;
    auto page = gup::get_user_page(s.pool);
    CHECK(gup::iova(page) == gup::iova<vfio_domain>(page));
    CHECK(kernel::mappings().begin()->first <= gup::iova(page));

    auto of_ring = gup::prep_read_fixed(s.ring.entry(), 3, std::move(page), 0, {.user_data = 7});
    static_assert(std::is_same_v<decltype(of_ring), gup::in_flight<decltype(page), ring_domain::place>>);
    page = gup::complete(std::move(of_ring), gup_test::made_up(7));

    auto of_device = gup::start_dma_from_device(std::move(page), 8);
    static_assert(std::is_same_v<decltype(of_device), gup::in_flight<decltype(page), vfio_domain::place>>);
    io_uring_sqe& entry = s.ring.entry();
    auto same_number = gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pool), 0, {.user_data = 8});
    CHECK(gup::take_back(std::move(same_number), entry));
    CHECK(gup::complete(std::move(of_device), 8));
}
