// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The place of a vfio_domain: the mappings of a container, and the two system calls that map and unmap.

#include "gup/detail/absent_memory.hpp"
#include "gup/detail/iova/iova_mark.hpp"
#include "gup/detail/iova/mapping_table.hpp"
#include "gup/detail/vfio/container_state.hpp"
#include "gup/detail/vfio/dma_failure.hpp"
#include "gup/detail/vfio/iommu_info.hpp"
#include "gup/dma_access.hpp"
#include "gup/error.hpp"
#include "gup/pin_domain.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/vfio.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// Of one container and its only user. All functions are thread-safe.
template <class Kernel>
class type1_mapper {
public:
    using kernel = Kernel;
    using mark = iova_mark;
    static constexpr const char* call = "vfio_domain::pin";
    static constexpr const char* in_child =
        "this domain belongs to the parent process: open a container of your own";
    /// The program tells the devices what to do, and hears from them what they have done.
    static constexpr bool driven_by_program = true;

    type1_mapper(container_use<Kernel> container, const iommu_info& info, unsigned address_bits)
        : container_(std::move(container)),
          mappings_(info.ranges, address_bits, info.granule, info.entries) {}
    type1_mapper(const type1_mapper&) = delete;
    type1_mapper& operator=(const type1_mapper&) = delete;
    ~type1_mapper() = default;

    /// Maps a range at one run of I/O addresses with one call.
    std::optional<iova_mark> try_pin(std::span<const std::byte> range, dma_access access,
                                     pin_failure& failure) {
        if (container_.known_lost()) return refuse_lost(failure);
        if (!check_granule(range, failure)) return std::nullopt;
        if (!device_may_write(access) && !populate(range, failure)) return std::nullopt;
        for (;;) {
            const auto iova = mappings_.take(range, failure);
            if (!iova) return std::nullopt;
            const int result = map(range, access, *iova);
            if (result == 0) {
                mappings_.set(range, *iova);
                return iova_mark(range, *iova);
            }
            if (result == -EEXIST) // somebody else's: never ours to give out
                mappings_.abandon();
            else
                mappings_.give_back(range, *iova);
            if (result == -EINVAL) {
                if (container_.lost()) return refuse_lost(failure);
                // a group that was attached since then may have narrowed what can be mapped
                const auto info = read_iommu_info<Kernel>(container_.fd(), failure);
                if (info && mappings_.narrow(info->ranges, info->granule, range.size(), *iova)) {
                    if (!check_granule(range, failure)) return std::nullopt;
                    continue;
                }
                if (info && !info->reports_ranges) {
                    refuse(failure, EINVAL, "ioctl(VFIO_IOMMU_MAP_DMA)", unknown_width);
                    return std::nullopt;
                }
            }
            explain_map_failure<Kernel>(errno_of(result), failure);
            return std::nullopt;
        }
    }

    /// Unmaps what try_pin mapped, then lets go of its memory; if the kernel does not say that it unmapped
    /// exactly that, the memory and its I/O addresses are never used again, unless it dropped all mappings.
    void unpin(const iova_mark& made, std::span<const std::byte> range,
               std::unique_ptr<pinned_memory> memory) noexcept {
        mappings_.clear(range, made.iova());
        vfio_iommu_type1_dma_unmap request{};
        request.argsz = sizeof request;
        request.iova = made.iova();
        request.size = range.size();
        const int result = Kernel::ioctl(container_.fd(), VFIO_IOMMU_UNMAP_DMA, &request);
        const bool unknown = result == 0 ? request.size == 0 : result == -EINVAL; // it has no such mapping
        if ((result == 0 && request.size == range.size()) || (unknown && container_.lost()))
            return mappings_.give_back(range, made.iova());
        static_cast<void>(memory.release());
        // success of another size: the kernel knows no such mapping
        const int error = result == 0 ? ENOENT : errno_of(result);
        report_release_failure({"ioctl(VFIO_IOMMU_UNMAP_DMA)", errno_code(error), range});
    }

    /// The I/O address of a byte of memory that is mapped now, as far as is known; none if it is not. Takes
    /// no lock.
    std::optional<std::uint64_t> find(const void* address) const noexcept {
        if (container_.known_lost()) [[unlikely]]
            return std::nullopt;
        return mappings_.find(address);
    }

    /// True if the kernel has dropped all mappings. Asks it.
    bool lost() const noexcept { return container_.lost(); }

private:
    int map(std::span<const std::byte> range, dma_access access, std::uint64_t iova) const {
        vfio_iommu_type1_dma_map request{};
        request.argsz = sizeof request;
        request.flags = VFIO_DMA_MAP_FLAG_READ | (device_may_write(access) ? VFIO_DMA_MAP_FLAG_WRITE : 0U);
        request.vaddr = reinterpret_cast<std::uintptr_t>(range.data());
        request.iova = iova;
        request.size = range.size();
        return Kernel::ioctl(container_.fd(), VFIO_IOMMU_MAP_DMA, &request);
    }
    static std::nullopt_t refuse_lost(pin_failure& failure) {
        refuse(
            failure, ENODEV, call,
            "the last device of this container was unbound or removed, and the kernel dropped all mappings "
            "with it: put the pages of this domain, and make another for the devices that come next");
        return std::nullopt;
    }
    bool check_granule(std::span<const std::byte> range, pin_failure& failure) const {
        const std::uint64_t granule = mappings_.granule();
        if ((reinterpret_cast<std::uintptr_t>(range.data()) | range.size()) % granule == 0) return true;
        return refuse(failure, EINVAL, call,
                      "the range must begin and end at a multiple of " + std::to_string(granule) +
                          " bytes, the IOMMU's smallest page");
    }

    /// Before Linux 6.2 a mapping without the write right pins the page of zeroes where memory has not been
    /// touched yet, and the device never sees what the CPU writes later. Memory that cannot be written has no
    /// such future; at such a page the kernel stops, so the rest is populated page by page.
    static bool populate(std::span<const std::byte> range, pin_failure& failure) {
        const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
        const auto try_populate = [&](std::size_t from, std::size_t bytes) {
            return detail::populate<Kernel>({begin + from, begin + from + bytes}, MADV_POPULATE_WRITE);
        };
        if (try_populate(0, range.size()) == 0) return true;
        if (try_populate(0, 0) < 0)
            return refuse(failure, EOPNOTSUPP, call,
                          "before Linux 5.14 a device may not see what the program writes to memory that "
                          "it can only read: pin it with dma_access::read_write");
        const std::size_t page = Kernel::page_size();
        for (std::size_t at = 0; at < range.size(); at += page) static_cast<void>(try_populate(at, page));
        return true;
    }

    const container_use<Kernel> container_;
    mapping_table mappings_;
};

} // namespace gup::inline GUP_NAMESPACE::detail
