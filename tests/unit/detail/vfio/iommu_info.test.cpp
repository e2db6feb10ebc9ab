// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vfio/iommu_info.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <sys/resource.h>
#include <vector>

namespace {

using gup::detail::iommu_info;
using kernel = gup_test::vfio_kernel;

/// What a container of the pretended kernel says of its IOMMU.
std::optional<iommu_info> read(gup::pin_failure& failure) {
    const gup_test::vfio_container container;
    const gup_test::vfio_group group(container, 1);
    return gup::detail::read_iommu_info<kernel>(container.descriptor(), failure);
}
iommu_info read() {
    gup::pin_failure failure;
    const auto info = read(failure);
    REQUIRE(info.has_value());
    return *info;
}

/// Answers VFIO_IOMMU_GET_INFO with a text of the test's.
struct scripted_kernel : gup::system_kernel {
    static inline std::vector<std::byte> answer;
    static int ioctl(int, unsigned long, void* argument) {
        std::uint32_t room = 0;
        std::memcpy(&room, argument, sizeof room);
        std::memcpy(argument, answer.data(), std::min<std::size_t>(room, answer.size()));
        return 0;
    }
};

template <class T>
void put(std::size_t offset, const T& value) {
    scripted_kernel::answer.resize(std::max(scripted_kernel::answer.size(), offset + sizeof value));
    std::memcpy(scripted_kernel::answer.data() + offset, &value, sizeof value);
}
vfio_iommu_type1_info head_of(std::size_t bytes, std::uint32_t capabilities_at) {
    vfio_iommu_type1_info head{};
    head.argsz = static_cast<std::uint32_t>(bytes);
    head.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
    head.iova_pgsizes = 4096;
    head.cap_offset = capabilities_at;
    return head;
}

} // namespace

TEST_CASE("The smallest page, the windows and the mappings that are left are read") {
    const gup_test::fresh_machine machine;
    kernel::page_sizes = 0x1'0000 | 0x20'0000;
    kernel::entry_limit = 77;
    const iommu_info info = read();
    CHECK(info.granule == 0x1'0000);
    CHECK(info.entries == 77);
    REQUIRE(info.ranges.size() == 2);
    CHECK(info.ranges[0].first == 0);
    CHECK(info.ranges[0].last == 0xfedf'ffff);
    CHECK(info.ranges[1].first == 0xfef0'0000);
    CHECK(info.ranges[1].last == 0x7f'ffff'ffff);
    CHECK(kernel::ioctls[VFIO_IOMMU_GET_INFO] == 2); // the first answer says how much room it needs
}

TEST_CASE("A kernel that does not say counts as without limits") {
    const gup_test::fresh_machine machine;
    kernel::reports_entries = false;
    CHECK(read().entries == std::numeric_limits<std::uint32_t>::max());
    CHECK(read().ranges.size() == 2);
    kernel::reports_windows = false;
    REQUIRE(read().ranges.size() == 1);
    CHECK(read().ranges[0].first == 0);
    CHECK(read().ranges[0].last == std::numeric_limits<std::uint64_t>::max());
    kernel::reports_entries = true;
    kernel::entry_limit = 5;
    CHECK(read().entries == 5);
}

TEST_CASE("A kernel that does not answer is named") {
    const gup_test::fresh_machine machine;
    gup::pin_failure failure;
    kernel::refuse[VFIO_IOMMU_GET_INFO] = ENOTTY;
    CHECK_FALSE(read(failure).has_value());
    CHECK(gup_test::says(failure, ENOTTY, "VFIO_IOMMU_GET_INFO"));
    kernel::count[VFIO_IOMMU_GET_INFO] = 1;
    CHECK_FALSE(read(failure).has_value());
    CHECK(gup_test::says(failure, EIO, "VFIO_IOMMU_GET_INFO"));
}

TEST_CASE("Unknown capabilities are passed over, and a chain that is cut short or turns back ends") {
    constexpr std::size_t first = sizeof(vfio_iommu_type1_info);
    scripted_kernel::answer.clear();
    put(0, head_of(256, first));
    put(first, vfio_info_cap_header{.id = 0xbeef, .version = 1, .next = 64});
    put(64, vfio_info_cap_header{.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, .version = 1, .next = first});
    put(64 + sizeof(vfio_info_cap_header), std::uint32_t{9});
    scripted_kernel::answer.resize(256);
    gup::pin_failure failure;
    CHECK(gup::detail::read_iommu_info<scripted_kernel>(-1, failure)->entries == 9);

    put(first, vfio_info_cap_header{.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1, .next = 300});
    put(first + sizeof(vfio_info_cap_header), std::uint32_t{1000});
    const auto info = gup::detail::read_iommu_info<scripted_kernel>(-1, failure);
    CHECK(info->ranges.size() == (256 - first - 16) / 16); // those that are there
    CHECK(info->entries == std::numeric_limits<std::uint32_t>::max());
}

TEST_CASE("A capability that points to itself is read once") {
    constexpr std::size_t first = sizeof(vfio_iommu_type1_info);
    scripted_kernel::answer.clear();
    put(0, head_of(128, first));
    put(first, vfio_info_cap_header{.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1, .next = first});
    put(first + sizeof(vfio_info_cap_header), std::uint32_t{1});
    scripted_kernel::answer.resize(128);
    // in a child, which is killed if it reads for ever
    const auto child = gup_test::in_child([] {
        const rlimit little{std::uint64_t{1} << 32, std::uint64_t{1} << 32};
        ::setrlimit(RLIMIT_DATA, &little);
        gup::pin_failure failure;
        const auto info = gup::detail::read_iommu_info<scripted_kernel>(-1, failure);
        return info && info->ranges.size() == 1 ? 0 : 1;
    });
    CHECK(child.exited_with(0));
}
