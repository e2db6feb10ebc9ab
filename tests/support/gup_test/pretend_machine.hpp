// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a pretended kernel of VFIO knows: devices and their groups, and what is mapped in a container.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <linux/vfio.h>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gup_test {

/// A device of the pretended PCI bus.
struct pretend_device {
    unsigned group = 0;
    std::string driver = "vfio-pci"; ///< empty if it has none
    std::string kind = "0x00ff00\n"; ///< PCI class; bridges have 0x0604
    bool no_iommu = false;           ///< it has a group all the same
    std::uint16_t vendor = 0x1234;
    std::uint16_t device = 0x11e8;
    std::array<std::uint64_t, 6> bars{4096, 0, 8192, 0, 0, 0}; ///< bytes; 0 if there is none
    unsigned unmappable = 1U << 5;                             ///< bits of the BARs that are I/O ports
    std::uint32_t msi = 4;                                     ///< vectors that it has
    std::uint32_t msix = 0;
    std::uint32_t vectors_left = 64; ///< that the kernel can give to it
    std::uint32_t intx = 1;
    bool express = true; ///< of PCI Express, and so with ERR
    bool can_reset = true;

    std::array<std::byte, 256> config{};
    std::map<std::uint32_t, std::vector<int>> vectors{}; ///< eventfds by kind of interrupt
    bool intx_masked = false;
    int resets = 0;

    /// Has this many vectors of MSI-X, and their table somewhere in a BAR.
    void put_msix_table(unsigned bar, std::uint32_t offset, std::uint16_t entries) {
        msix = entries;
        constexpr std::size_t other = 0x40, capability = 0x60;
        config[6] |= std::byte{0x10}; // there are capabilities
        config[0x34] = std::byte{other};
        config[other] = std::byte{1};
        config[other + 1] = std::byte{capability};
        config[capability] = std::byte{0x11};
        const auto last = static_cast<std::uint16_t>(entries - 1);
        std::memcpy(&config[capability + 2], &last, sizeof last);
        const std::uint32_t place = offset | bar;
        std::memcpy(&config[capability + 4], &place, sizeof place);
    }

    static constexpr std::uint64_t region_offset(std::uint64_t index) { return index << 40; }

    void open() {
        constexpr std::byte bus_master{4};
        config[4] &= ~bus_master;
        std::memcpy(config.data(), &vendor, sizeof vendor);
        std::memcpy(config.data() + 2, &device, sizeof device);
    }
    int ioctl(unsigned long request, void* argument) {
        switch (request) {
        case VFIO_DEVICE_GET_INFO: {
            auto& info = *static_cast<vfio_device_info*>(argument);
            info.flags = VFIO_DEVICE_FLAGS_PCI | (can_reset ? VFIO_DEVICE_FLAGS_RESET : 0U);
            info.num_regions = VFIO_PCI_NUM_REGIONS;
            info.num_irqs = VFIO_PCI_NUM_IRQS;
            return 0;
        }
        case VFIO_DEVICE_GET_REGION_INFO:
            return region(*static_cast<vfio_region_info*>(argument));
        case VFIO_DEVICE_GET_IRQ_INFO: {
            auto& info = *static_cast<vfio_irq_info*>(argument);
            if (info.index >= VFIO_PCI_NUM_IRQS || (info.index == VFIO_PCI_ERR_IRQ_INDEX && !express))
                return -EINVAL;
            info.count = std::array{intx, msi, msix, 1U, 1U}.at(info.index);
            return 0;
        }
        case VFIO_DEVICE_SET_IRQS:
            return set_vectors(*static_cast<const vfio_irq_set*>(argument));
        case VFIO_DEVICE_RESET:
            if (!can_reset) return -ENOTTY;
            ++resets;
            return 0;
        }
        return -ENOTTY;
    }

private:
    int region(vfio_region_info& info) const {
        if (info.argsz < sizeof info || info.index >= VFIO_PCI_NUM_REGIONS) return -EINVAL;
        info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
        info.offset = region_offset(info.index);
        info.size = info.index < bars.size()                     ? bars[info.index]
                    : info.index == VFIO_PCI_CONFIG_REGION_INDEX ? config.size()
                                                                 : 0;
        if (info.index < bars.size() && info.size != 0 && (unmappable >> info.index & 1) == 0)
            info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
        return 0;
    }
    /// Vectors that are enabled cannot be added to, and one kind of the device's own excludes the others.
    int set_vectors(const vfio_irq_set& request) {
        const bool own = request.index <= VFIO_PCI_MSIX_IRQ_INDEX;
        if ((request.flags & VFIO_IRQ_SET_ACTION_TRIGGER) == 0) {
            if (request.index != VFIO_PCI_INTX_IRQ_INDEX || request.count != 1 ||
                !vectors.contains(request.index))
                return -EINVAL;
            intx_masked = (request.flags & VFIO_IRQ_SET_ACTION_MASK) != 0;
            return 0;
        }
        if ((request.flags & VFIO_IRQ_SET_DATA_NONE) != 0 && request.count == 0)
            return vectors.erase(request.index) == 1 ? 0 : -EINVAL;
        const auto* const fds = reinterpret_cast<const int*>(&request + 1);
        if (request.argsz != sizeof request + request.count * sizeof *fds) return -EINVAL;
        if (own && !vectors.empty() && vectors.begin()->first <= VFIO_PCI_MSIX_IRQ_INDEX) return -EINVAL;
        if (request.count > vectors_left) return static_cast<int>(vectors_left); // as Linux does
        vectors[request.index].assign(fds, fds + request.count);
        return 0;
    }
};

/// The I/O address space of a container, as type 1 version 2 keeps it.
struct pretend_iommu {
    struct window {
        std::uint64_t first, last;
    };
    struct mapping {
        std::uint64_t iova, vaddr, bytes;
        std::uint32_t flags;
        std::uint64_t last() const { return iova + (bytes - 1); }
        bool inside(const std::vector<window>& windows) const {
            return std::any_of(windows.begin(), windows.end(),
                               [&](const window& w) { return w.first <= iova && last() <= w.last; });
        }
    };

    bool enabled = false; ///< VFIO_SET_IOMMU
    std::set<unsigned> groups{};
    std::map<std::uint64_t, mapping> mappings{}; ///< by I/O address

    std::uint64_t charged() const {
        std::uint64_t sum = 0;
        for (const auto& [iova, one] : mappings) sum += one.bytes;
        return sum;
    }

    int map(const vfio_iommu_type1_dma_map& request, std::uint64_t granule,
            const std::vector<window>& windows, std::size_t entries, std::uint64_t limit) {
        constexpr std::uint32_t both = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
        const mapping wanted{request.iova, request.vaddr, request.size, request.flags};
        if (request.argsz < sizeof request || wanted.flags == 0 || (wanted.flags & ~both) != 0 ||
            wanted.bytes == 0 || ((wanted.iova | wanted.vaddr | wanted.bytes) & (granule - 1)) != 0 ||
            wanted.last() < wanted.iova)
            return -EINVAL;
        for (const auto& [iova, other] : mappings)
            if (other.iova <= wanted.last() && wanted.iova <= other.last()) return -EEXIST;
        if (mappings.size() == entries) return -ENOSPC;
        if (!wanted.inside(windows)) return -EINVAL;
        if (charged() + wanted.bytes > limit) return -ENOMEM;
        mappings[wanted.iova] = wanted;
        return 0;
    }

    /// Never cuts a mapping in two, and unmaps nothing with success.
    int unmap(vfio_iommu_type1_dma_unmap& request, std::uint64_t granule) {
        const std::uint64_t last = request.iova + (request.size - 1);
        if (request.argsz < sizeof request || request.size == 0 ||
            ((request.iova | request.size) & (granule - 1)) != 0)
            return -EINVAL;
        for (const auto& [iova, one] : mappings)
            if (one.iova <= last && request.iova <= one.last() &&
                (one.iova < request.iova || one.last() > last))
                return -EINVAL;
        request.size = 0;
        for (auto one = mappings.lower_bound(request.iova); one != mappings.end() && one->first <= last;) {
            request.size += one->second.bytes;
            one = mappings.erase(one);
        }
        return 0;
    }
};

/// Answers VFIO_IOMMU_GET_INFO: as much as there is room for, and how much there would have to be. The
/// windows come first, unless there are none, then how many mappings are left, unless nobody knows.
inline int answer_info(void* argument, std::uint64_t page_sizes,
                       const std::vector<pretend_iommu::window>& windows,
                       const std::optional<std::uint32_t>& entries) {
    vfio_iommu_type1_info head{};
    std::memcpy(&head, argument, sizeof head);
    const auto room = head.argsz;
    std::vector<std::byte> chain;
    const auto add = [&](const auto& capability) {
        const auto* const first = reinterpret_cast<const std::byte*>(&capability);
        chain.insert(chain.end(), first, first + sizeof capability);
    };
    if (!windows.empty()) {
        const std::size_t bytes = 16 + windows.size() * sizeof(pretend_iommu::window);
        add(std::array<std::uint32_t, 4>{});
        const vfio_info_cap_header header{.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
                                          .version = 1,
                                          .next =
                                              entries ? static_cast<std::uint32_t>(sizeof head + bytes) : 0};
        const auto count = static_cast<std::uint32_t>(windows.size());
        std::memcpy(chain.data(), &header, sizeof header);
        std::memcpy(chain.data() + sizeof header, &count, sizeof count);
        for (const auto& w : windows) add(w);
    }
    if (entries) {
        vfio_iommu_type1_info_dma_avail available{};
        available.header = {.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, .version = 1, .next = 0};
        available.avail = *entries;
        add(available);
    }
    head.flags = VFIO_IOMMU_INFO_PGSIZES | (chain.empty() ? 0U : VFIO_IOMMU_INFO_CAPS);
    head.iova_pgsizes = page_sizes;
    head.cap_offset = 0;
    const std::size_t needed = sizeof head + chain.size();
    if (room < needed)
        head.argsz = static_cast<std::uint32_t>(needed);
    else if (!chain.empty()) {
        head.cap_offset = sizeof head;
        std::memcpy(static_cast<std::byte*>(argument) + sizeof head, chain.data(), chain.size());
    }
    std::memcpy(argument, &head, sizeof head);
    return 0;
}

} // namespace gup_test
