// SPDX-License-Identifier: BSL-1.0
// One page for io_uring and for a device at once.
#include "gup/domain/io_uring.hpp"
#include "gup/domains.hpp"
#include "gup/gup.hpp"
#include "gup/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/scratch_file.hpp"
#include "support/edu.hpp"

#include <algorithm>
#include <span>
#include <vector>

using gup_test::edu;

namespace {
using both_domains = gup::domains<gup::io_uring_domain<>, gup::vfio_domain<>>;
}

TEST_CASE("a page that io_uring reads into goes to a device without a copy, and back to a file") {
    const auto content = gup_test::pattern(4096, 5);
    gup_test::scratch_file source{content};
    gup_test::scratch_file target;
    gup_test::ring ring;
    REQUIRE(ring.ok());
    edu device;
    both_domains domain{gup::io_uring_domain<>{ring.handle()}, gup::vfio_domain<>{device.device.container()}};
    gup::page_pool pool{domain, {.pages = 4}};

    auto page = gup::get_user_page(pool);
    gup::prep_read_fixed(ring.entry(), source.fd(), std::move(page), 0);
    REQUIRE(ring.submit() == 1);
    io_uring_cqe* cqe = nullptr;
    REQUIRE(::io_uring_wait_cqe(&ring.handle(), &cqe) == 0);
    CHECK(cqe->res == 4096);
    page = gup::complete(domain, cqe);
    ::io_uring_cqe_seen(&ring.handle(), cqe);

    auto fetching = gup::start_dma_to_device(std::move(page), 1);
    device.fetch(gup::iova(fetching) + 2048);
    page = gup::complete(std::move(fetching), 1);
    auto storing = gup::start_dma_from_device(std::move(page), 2);
    device.store(gup::iova(storing));
    page = gup::complete(std::move(storing), 2);

    gup::prep_write_fixed(ring.entry(), target.fd(), std::move(page), 0);
    REQUIRE(ring.submit() == 1);
    REQUIRE(::io_uring_wait_cqe(&ring.handle(), &cqe) == 0);
    page = gup::complete(domain, cqe);
    ::io_uring_cqe_seen(&ring.handle(), cqe);
    gup::put_user_page(std::move(page), gup::clean);

    const auto written = target.content();
    REQUIRE(written.size() == 4096);
    CHECK(std::equal(written.begin(), written.begin() + 2048, content.begin() + 2048));
    CHECK(std::equal(written.begin() + 2048, written.end(), content.begin() + 2048));
}

TEST_CASE("a pool that one of the domains refuses is pinned in none") {
    gup_test::ring ring;
    edu device;
    gup::io_uring_domain<> uring{ring.handle(), {.slots = 1}};
    gup::vfio_domain<> vfio{device.device.container(), {.address_bits = 16}};
    both_domains domain{uring, vfio};
    gup::pin_failure failure;
    CHECK_FALSE(gup::page_pool<both_domains>::try_make(domain, {.pages = 1024}, failure).has_value());
    CHECK(failure.code.value() == ENOSPC);
    gup::page_pool fits{domain, {.pages = 1}}; // the only slot is free again
}

TEST_CASE("the memory of a device cannot be pinned for io_uring") {
    gup_test::ring ring;
    edu device;
    gup::io_uring_domain<> uring{ring.handle()};
    gup::pin_failure failure;
    CHECK_FALSE(gup::try_get_user_pages(uring, device.bar().memory(), failure).has_value());
    CHECK(failure.code == std::errc::operation_not_supported);
    CHECK(failure.remedy.find("memory of a device") != std::string::npos);
}
