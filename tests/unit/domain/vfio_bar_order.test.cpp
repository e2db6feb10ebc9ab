// SPDX-License-Identifier: BSL-1.0
// Registers and the memory that they tell of, in the order of the program. Optimised builds only can get it
// wrong.
#include "gup/domain/vfio_device.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cstdint>
#include <sys/mman.h>

namespace {

/// What the device adds to the memory when it is told to, and has said that it is done.
[[gnu::noinline]] std::uint64_t added(const gup_test::vfio_bar& bar, const std::uint64_t* memory) {
    const std::uint64_t before = *memory;
    bar.write<std::uint32_t>(0, 7);
    static_cast<void>(bar.read<std::uint32_t>(0));
    return *memory - before;
}

} // namespace

TEST_CASE("What a device wrote before a register says so is seen after that is read") {
    const gup_test::fresh_machine machine;
    const gup_test::vfio_bar bar = gup_test::vfio_device("0000:00:04.0").map_bar(0);
    // memory that is written through the register: another mapping of the same page
    void* const other = ::mremap(bar.memory().data(), 0, bar.size(), MREMAP_MAYMOVE);
    REQUIRE(other != MAP_FAILED);
    CHECK(added(bar, static_cast<const std::uint64_t*>(other)) == 7);
    ::munmap(other, bar.size());
}
