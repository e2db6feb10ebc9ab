// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/iova/iova_space.hpp"

#include "gup_test/catch.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

using gup::detail::iova_range;
using gup::detail::iova_space;

namespace {

constexpr std::uint64_t granule = 4096;
constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

/// What VFIO reports on a PC: the window of the interrupts is missing, and the IOMMU has 39 bits.
const std::vector<iova_range> usual{{0, 0xfedf'ffff}, {0xfef0'0000, 0x7f'ffff'ffff}};

std::uint64_t allocated(iova_space& space, std::uint64_t bytes, std::uint64_t alignment = granule) {
    const std::optional<std::uint64_t> iova = space.allocate(bytes, alignment);
    REQUIRE(iova);
    return *iova;
}

} // namespace

TEST_CASE("an IOVA space starts with one extent for each range and never gives address 0") {
    iova_space space(usual, 64, granule);
    CHECK(space.largest() == 0x80'0000'0000 - 0xfef0'0000);
    CHECK(space.available() == space.largest() + 0xfee0'0000 - granule);

    CHECK(allocated(space, space.largest()) == 0xfef0'0000);
    CHECK(allocated(space, space.largest()) == granule);
    CHECK(space.available() == 0);
    CHECK(space.largest() == 0);
    CHECK_FALSE(space.allocate(granule, granule));
}

TEST_CASE("an IOVA space is narrowed to what remains usable, but for what is in use") {
    iova_space space(usual, 16, granule); // 15 pages
    const std::uint64_t used = allocated(space, granule);
    REQUIRE(used == 0x1000);
    const std::vector<iova_range> remain{{0x8000, 0x9fff}, {0x4000, 0x5fff}, {0xc800, 0xd7ff}};
    space.narrow(remain, granule);
    CHECK(space.available() == 4 * granule);
    CHECK(space.largest() == 2 * granule);
    CHECK(allocated(space, 2 * granule) == 0x4000);
    CHECK(allocated(space, 2 * granule) == 0x8000);
    space.free(used, granule);
    CHECK(allocated(space, granule) == 0x1000);
    CHECK_FALSE(space.allocate(granule, granule));
    space.free(0x4000, 2 * granule);
    space.narrow(std::vector<iova_range>{{0, highest}}, granule); // nothing comes back
    CHECK(space.available() == 2 * granule);
    space.narrow({}, granule);
    CHECK(space.available() == 0);
}

TEST_CASE("no IOVA allocation reaches into a reserved window") {
    iova_space space(usual, 32, granule);
    std::uint64_t found = 0;
    while (const std::optional<std::uint64_t> iova = space.allocate(mib, mib)) {
        const bool below = *iova + mib <= 0xfee0'0000;
        const bool above = *iova >= 0xfef0'0000 && *iova + mib <= 4 * gib;
        REQUIRE((below || above));
        ++found;
    }
    CHECK(found == 4096 - 2); // all but the megabytes of address 0 and of the interrupts
}

TEST_CASE("the address width of the device cuts the ranges") {
    CHECK(iova_space(usual, 32, granule).available() == 4 * gib - mib - granule);
    CHECK(iova_space(usual, 16, granule).available() == 65536 - granule);
    CHECK(iova_space(usual, 39, granule).available() == iova_space(usual, 64, granule).available());
    CHECK(iova_space(usual, 12, granule).available() == 0);
    CHECK(iova_space(usual, 0, granule).available() == 0);
}

TEST_CASE("a space without ranges has no room") {
    iova_space space({}, 64, granule);
    CHECK(space.available() == 0);
    CHECK(space.largest() == 0);
    CHECK_FALSE(space.allocate(granule, granule));
}

TEST_CASE("ranges are rounded inwards to granules") {
    SECTION("at both ends") {
        iova_space space(std::vector<iova_range>{{0x1001, 0x4ffe}}, 64, granule);
        CHECK(space.available() == 2 * granule);
        CHECK(allocated(space, 2 * granule) == 0x2000);
    }
    SECTION("to nothing") {
        const std::vector<iova_range> slivers{
            {0x1001, 0x2ffe}, {0x5000, 0x5ffe}, {0x8001, 0x8fff}, {0, 0xfff}, {highest - 1, highest}};
        CHECK(iova_space(slivers, 64, granule).available() == 0);
    }
    SECTION("only where they do not touch") {
        const std::vector<iova_range> touching{{0x5800, 0x6fff}, {0x1000, 0x27ff}, {0x2800, 0x57ff}};
        CHECK(iova_space(touching, 64, granule).largest() == 6 * granule);
    }
}

TEST_CASE("ranges that overlap count once") {
    const std::vector<iova_range> ranges{{0, 0x7fff}, {0, 0x3fff}, {0x2000, 0x8fff}, {0x5000, 0x5fff}};
    iova_space space(ranges, 64, granule);
    CHECK(space.available() == 8 * granule);
    CHECK(space.largest() == 8 * granule);
}

TEST_CASE("the whole of the 64-bit address space is usable but for granule 0") {
    iova_space space(std::vector<iova_range>{{0, highest}}, 64, granule);
    const std::uint64_t all = 0 - granule;
    CHECK(space.available() == all);
    CHECK(allocated(space, all) == granule);
    CHECK_FALSE(space.allocate(granule, granule));
    space.free(granule, all);
    CHECK(space.largest() == all);

    const std::uint64_t half = std::uint64_t{1} << 63;
    CHECK(allocated(space, half, half) == half);
    CHECK_FALSE(space.allocate(half, half));
    CHECK_FALSE(space.allocate(half, granule));
    space.free(half, half);
    CHECK(space.largest() == all);
}

TEST_CASE("the last granule of the address space is given and taken back") {
    const std::uint64_t last = 0 - granule;
    iova_space space(std::vector<iova_range>{{last - granule, highest}}, 64, granule);
    CHECK(allocated(space, granule) == last - granule);
    CHECK(allocated(space, granule) == last);
    CHECK_FALSE(space.allocate(granule, granule));
    space.free(last, granule);
    space.free(last - granule, granule);
    CHECK(space.largest() == 2 * granule);
    CHECK_FALSE(space.allocate(2 * granule, 4 * granule));
}

TEST_CASE("allocations are aligned as asked and what lies before them stays free") {
    iova_space space(usual, 64, granule);
    const std::uint64_t all = space.available();
    CHECK(allocated(space, gib, gib) % gib == 0);
    CHECK(allocated(space, granule, 2 * mib) % (2 * mib) == 0);
    CHECK(allocated(space, 3 * mib, 2 * mib) % (2 * mib) == 0);
    CHECK(space.available() == all - gib - granule - 3 * mib);
}

TEST_CASE("room that lies right is found behind any number of extents that do not") {
    // eight granules from the second of each megabyte on, so that no extent lies at a multiple of two
    // granules
    std::vector<iova_range> ranges;
    for (std::uint64_t i = 1; i <= 100; ++i) ranges.push_back({i * mib + granule, i * mib + 9 * granule - 1});
    ranges.push_back({200 * mib + 3 * granule, 200 * mib + 12 * granule - 1}); // with room at granule 4
    iova_space space(ranges, 64, granule);
    CHECK(allocated(space, 8 * granule, 4 * granule) == 200 * mib + 4 * granule);
    CHECK_FALSE(space.allocate(8 * granule, 4 * granule));
    CHECK(allocated(space, 8 * granule) == mib + granule);
}

TEST_CASE("freed neighbours become one extent in whatever order they are freed") {
    const int order = GENERATE(range(0, 6));
    const int orders[6][3]{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    iova_space space(std::vector<iova_range>{{granule, 4 * granule - 1}}, 64, granule);
    std::uint64_t iova[3];
    for (std::uint64_t& a : iova) a = allocated(space, granule);
    REQUIRE_FALSE(space.allocate(granule, granule));

    for (const int i : orders[order]) space.free(iova[i], granule);
    CHECK(space.available() == 3 * granule);
    CHECK(space.largest() == 3 * granule);
}

TEST_CASE("extents of ranges that do not touch stay apart") {
    const std::vector<iova_range> ranges{{0x1000, 0x1fff}, {0x3000, 0x3fff}};
    iova_space space(ranges, 64, granule);
    space.free(allocated(space, granule), granule);
    CHECK(space.available() == 2 * granule);
    CHECK(space.largest() == granule);
    CHECK_FALSE(space.allocate(2 * granule, granule));
}

TEST_CASE("a small allocation leaves extents alone that have room for a larger block") {
    // two granules that are no block of two, and a block of two
    const std::vector<iova_range> ranges{{0x4000, 0x5fff}, {0x9000, 0xafff}};
    iova_space space(ranges, 64, granule);
    CHECK(allocated(space, granule) == 0x9000);
    CHECK(allocated(space, granule) == 0xa000);
    CHECK(allocated(space, 2 * granule, 2 * granule) == 0x4000);
}
