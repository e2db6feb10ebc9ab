// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the IOMMU behind a container can map: read once, when its domain is made.

#include "gup/detail/iova/iova_space.hpp"
#include "gup/detail/vfio/group_failure.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <linux/vfio.h>
#include <optional>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

struct iommu_info {
    std::uint64_t granule = 4096;                                      ///< smallest page
    std::vector<iova_range> ranges{};                                  ///< addresses that may be mapped
    bool reports_ranges = true;                                        ///< if not, they may be fewer
    std::uint32_t entries = std::numeric_limits<std::uint32_t>::max(); ///< mappings that may still be made
};

/// Reads what starts at an offset of the kernel's answer; false if it is not all there.
template <class T>
bool read_at(const std::vector<std::byte>& answer, std::size_t offset, T& value) noexcept {
    if (offset > answer.size() || answer.size() - offset < sizeof value) return false;
    std::memcpy(&value, answer.data() + offset, sizeof value);
    return true;
}

/// Adds one capability to what is known. Unknown ones are passed over.
inline void add_capability(const std::vector<std::byte>& answer, std::size_t offset, std::uint16_t id,
                           iommu_info& info) {
    if (id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
        using capability = vfio_iommu_type1_info_cap_iova_range;
        std::uint32_t count = 0;
        if (!read_at(answer, offset + offsetof(capability, nr_iovas), count)) return;
        vfio_iova_range range{};
        for (std::size_t i = 0; i < count; ++i)
            if (read_at(answer, offset + sizeof(capability) + i * sizeof range, range))
                info.ranges.push_back({range.start, range.end});
    } else if (id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
        vfio_iommu_type1_info_dma_avail available{};
        if (read_at(answer, offset, available)) info.entries = available.avail;
    }
}

/// VFIO_IOMMU_GET_INFO. Kernels before 5.4 report no ranges: then all addresses count as usable, and a
/// reserved one is refused by the kernel when it is mapped. Throws std::bad_alloc.
template <class Kernel>
std::optional<iommu_info> read_iommu_info(int container, pin_failure& failure) {
    std::vector<std::byte> answer(sizeof(vfio_iommu_type1_info));
    vfio_iommu_type1_info head{};
    for (;;) { // the kernel says how much room its answer needs
        head = {};
        head.argsz = static_cast<std::uint32_t>(answer.size());
        std::memcpy(answer.data(), &head, sizeof head);
        if (const int result = Kernel::ioctl(container, VFIO_IOMMU_GET_INFO, answer.data()); result != 0) {
            refuse(failure, errno_of(result), "ioctl(VFIO_IOMMU_GET_INFO)");
            return std::nullopt;
        }
        std::memcpy(&head, answer.data(), sizeof head);
        if (head.argsz <= answer.size()) break;
        answer.resize(head.argsz);
    }
    iommu_info info;
    if ((head.flags & VFIO_IOMMU_INFO_PGSIZES) != 0 && head.iova_pgsizes != 0)
        info.granule = head.iova_pgsizes & (~head.iova_pgsizes + 1); // the lowest bit
    vfio_info_cap_header capability{};
    if ((head.flags & VFIO_IOMMU_INFO_CAPS) != 0)
        for (std::size_t at = head.cap_offset; at != 0 && read_at(answer, at, capability);
             at = capability.next > at ? capability.next : 0)
            add_capability(answer, at, capability.id, info);
    info.reports_ranges = !info.ranges.empty();
    if (!info.reports_ranges) info.ranges.push_back({0, std::numeric_limits<std::uint64_t>::max()});
    return info;
}

} // namespace gup::inline GUP_NAMESPACE::detail
