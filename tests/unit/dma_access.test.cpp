// SPDX-License-Identifier: BSL-1.0
#include "gup/dma_access.hpp"

#include "gup_test/catch.hpp"

using gup::dma_access;

TEST_CASE("the CPU writes through all but read references and a device through read_write only") {
    CHECK_FALSE(gup::cpu_may_write(dma_access::read));
    CHECK(gup::cpu_may_write(dma_access::to_device));
    CHECK(gup::cpu_may_write(dma_access::read_write));
    CHECK_FALSE(gup::device_may_write(dma_access::read));
    CHECK_FALSE(gup::device_may_write(dma_access::to_device));
    CHECK(gup::device_may_write(dma_access::read_write));
}

TEST_CASE("access narrows to itself and to less") {
    for (const auto some : {dma_access::read, dma_access::to_device, dma_access::read_write}) {
        CHECK(gup::narrows_to(some, some));
        CHECK(gup::narrows_to(some, dma_access::read));
        CHECK(gup::narrows_to(dma_access::read_write, some));
    }
    CHECK_FALSE(gup::narrows_to(dma_access::read, dma_access::to_device));
    CHECK_FALSE(gup::narrows_to(dma_access::read, dma_access::read_write));
    CHECK_FALSE(gup::narrows_to(dma_access::to_device, dma_access::read_write));
}
