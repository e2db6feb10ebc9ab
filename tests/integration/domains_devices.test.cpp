// SPDX-License-Identifier: BSL-1.0
// Pages that io_uring and other devices share: whose operation is whose.
#include "gup/device_operations.hpp"
#include "gup/domain/io_uring.hpp"
#include "gup/domains.hpp"
#include "gup/page_flags.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/vfio_scene.hpp"

namespace {

using both_domains = gup::domains<gup::io_uring_domain<>, gup_test::vfio_domain>;

struct shared_scene : gup_test::vfio_scene {
    gup_test::ring ring{};
    both_domains both{gup::io_uring_domain<>{ring.handle()}, domain};
    gup::page_pool<both_domains> pool{both, {.pages = 2}};
};

} // namespace

TEST_CASE("a ring and another device give back what each holds, of the same number") {
    shared_scene s;
    auto held = gup::start_dma_from_device(gup::get_user_page(s.pool), 7);
    io_uring_sqe& entry = s.ring.entry();
    auto prepared = gup::prep_read_fixed(entry, 0, gup::get_user_page(s.pool), 0, {.user_data = 7});
    gup::put_user_page(gup::take_back(std::move(prepared), entry), gup::clean);
    gup::put_user_page(gup::complete(std::move(held), 7), gup::clean);
}

TEST_CASE("a page of two IOMMUs has an address in each, and its operations complete") {
    gup_test::fresh_machine machine;
    using disk_domain = gup::vfio_domain<struct disk, gup_test::vfio_kernel>;
    using network_domain = gup::vfio_domain<struct network, gup_test::vfio_kernel>;
    const gup_test::vfio_container first, second;
    const gup_test::vfio_group disks(first, 1), networks(second, 2);
    gup::domains both{disk_domain{first}, network_domain{second, {.address_bits = 20}}};
    gup::page_pool pool{both, {.pages = 2}};
    auto page = gup::get_user_page(pool);
    CHECK(gup::iova<network_domain>(page) < 1U << 20);
    auto held = gup::start_dma_from_device<network_domain>(std::move(page), 1);
    CHECK(gup::iova<disk_domain>(held) >= 4096);
    page = gup::complete(std::move(held), 1);
    CHECK(gup::page_dirty(page));
    held = gup::start_dma_to_device<network_domain>(std::move(page), 2);
    gup::put_user_page(gup::take_back(std::move(held)), gup::clean);
}
