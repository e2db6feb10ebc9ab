// SPDX-License-Identifier: BSL-1.0
#include "gup/zone.hpp"

#include "gup_test/catch.hpp"

#include "gup/detail/slab.hpp"

#include <memory>

namespace {

using access = gup::detail::zone_access;

/// Room for a zone with its descriptors, at the address that a zone needs.
struct zone_memory {
    gup::zone& make(std::byte* memory, unsigned page_shift) {
        return access::make(slab->memory().data(), memory, page_shift, gup::dma_access::to_device, this,
                            &released);
    }
    static void released(gup::zone& z, gup::detail::counted& c) noexcept {
        static_cast<zone_memory*>(access::owner(z))->last_released = &c;
    }

    gup::pin_failure failure{};
    std::unique_ptr<gup::detail::slab<>> slab = gup::detail::slab<>::try_map(
        gup::zone::array_bytes, gup::memory_kind::small_pages, gup::zone::array_bytes, failure);
    gup::detail::counted* last_released = nullptr;
};

} // namespace

TEST_CASE("every descriptor leads to its zone and to its own piece of memory") {
    zone_memory room;
    REQUIRE(room.slab != nullptr);
    for (const unsigned shift : {12U, 13U, 17U, 21U, 30U}) {
        auto* const memory = reinterpret_cast<std::byte*>(std::uintptr_t{0x7000'0000'1000});
        gup::zone& zone = room.make(memory, shift);

        CHECK(zone.page_size() == std::size_t{1} << shift);
        for (const std::size_t place :
             {std::size_t{0}, std::size_t{1}, std::size_t{77}, gup::zone::max_pages - 1}) {
            const gup::page& page = access::page_at(zone, place);
            CHECK(&gup::zone::of(&page) == &zone);
            CHECK(zone.address_of(&page) == memory + (place << shift));
            CHECK(zone.place_of(page) == place);
        }
    }
}

TEST_CASE("the last descriptor of a full zone ends within the zone's array") {
    zone_memory room;
    gup::zone& zone = room.make(nullptr, 12);

    const auto* const end =
        reinterpret_cast<const std::byte*>(&access::page_at(zone, gup::zone::max_pages - 1) + 1);

    CHECK(end <= room.slab->memory().data() + gup::zone::array_bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(&access::page_at(zone, 0)) % 64 ==
          0); // groups of four share a cache line
}

TEST_CASE("a zone tells its owner what has no references any more") {
    zone_memory room;
    gup::zone& zone = room.make(nullptr, 12);
    auto& counted = reinterpret_cast<gup::detail::counted&>(access::page_at(zone, 3));

    access::release(counted);

    CHECK(room.last_released == &counted);
    CHECK(access::owner(zone) == &room);
    CHECK(zone.access() == gup::dma_access::to_device);
}

TEST_CASE("a zone keeps the pin that covers it and the thread that may count in it") {
    zone_memory room;
    gup::zone& zone = room.make(nullptr, 12);
    const int pin = 42;
    CHECK(access::thread(zone) == nullptr);

    access::set_registration(zone, &pin);
    access::set_thread(zone, &pin);

    CHECK(&access::registration<int>(zone) == &pin);
    CHECK(access::thread(zone) == &pin);
}
