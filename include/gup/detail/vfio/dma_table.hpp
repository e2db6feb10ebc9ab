// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The mappings of a container: which I/O addresses are taken, which memory has them, and the two system
/// calls that map and unmap.

#include "gup/detail/iova/address_map.hpp"
#include "gup/detail/iova/iova_space.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/vfio/container_state.hpp"
#include "gup/detail/vfio/dma_failure.hpp"
#include "gup/detail/vfio/iommu_info.hpp"
#include "gup/dma_access.hpp"
#include "gup/memory_kind.hpp"
#include "gup/pin_domain.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace gup::detail {

/// Of one container and its only user. All functions are thread-safe.
template <class Kernel>
class dma_table {
public:
    /// Null, with `failure` filled, if the container cannot be mapped into. Throws std::bad_alloc.
    static std::shared_ptr<dma_table> try_make(std::shared_ptr<vfio_container_state<Kernel>> container,
                                               unsigned address_bits, pin_failure& failure) {
        if (!container->try_use(failure)) return nullptr;
        container_use<Kernel> use(std::move(container));
        const auto info = read_iommu_info<Kernel>(use.fd(), failure);
        if (!info) return nullptr;
        return std::make_shared<dma_table>(std::move(use), *info, address_bits);
    }

    /// For try_make alone.
    dma_table(container_use<Kernel> container, const iommu_info& info, unsigned address_bits)
        : container_(std::move(container)),
          granule_(info.granule),
          most_entries_(info.entries),
          addresses_(info.ranges, address_bits, info.granule) {}
    dma_table(const dma_table&) = delete;
    dma_table& operator=(const dma_table&) = delete;
    ~dma_table() = default;

    /// Maps a range at one run of I/O addresses with one call: the first of them. Throws std::bad_alloc.
    std::optional<std::uint64_t> try_map(std::span<const std::byte> range, dma_access access,
                                         pin_failure& failure) {
        failure = {.range = range};
        if (!check(range, failure)) return std::nullopt;
        if (!device_may_write(access) && !populate(range, failure)) return std::nullopt;
        const auto iova = take_addresses(range, failure);
        if (!iova) return std::nullopt;
        vfio_iommu_type1_dma_map request{};
        request.argsz = sizeof request;
        request.flags = VFIO_DMA_MAP_FLAG_READ | (device_may_write(access) ? VFIO_DMA_MAP_FLAG_WRITE : 0U);
        request.vaddr = reinterpret_cast<std::uintptr_t>(range.data());
        request.iova = *iova;
        request.size = range.size();
        const int result = Kernel::ioctl(container_.fd(), VFIO_IOMMU_MAP_DMA, &request);
        if (result == 0) {
            const std::lock_guard lock(lock_);
            biases_.set(mapped(*iova, range));
            return iova;
        }
        if (result == -EEXIST) // somebody else's: never ours to give out
            forget_entry();
        else
            give_addresses_back(*iova, range.size());
        explain_map_failure<Kernel>(-result, failure);
        return std::nullopt;
    }

    /// Unmaps what try_map mapped, then lets go of its memory; if the kernel does not say that it unmapped
    /// exactly that, the memory and its I/O addresses are never used again.
    void release(std::uint64_t iova, std::span<const std::byte> range,
                 std::unique_ptr<pinned_memory> memory) noexcept {
        if (process_ != this_process()) return; // a forked child could unmap the parent's memory
        forget(iova, range);
        vfio_iommu_type1_dma_unmap request{};
        request.argsz = sizeof request;
        request.iova = iova;
        request.size = range.size();
        const int result = Kernel::ioctl(container_.fd(), VFIO_IOMMU_UNMAP_DMA, &request);
        if (result == 0 && request.size == range.size()) return give_addresses_back(iova, range.size());
        static_cast<void>(memory.release());
        // success of another size: the kernel knows no such mapping
        const int error = result < 0 ? -result : ENOENT;
        report_release_failure({"ioctl(VFIO_IOMMU_UNMAP_DMA)", {error, std::generic_category()}, range});
    }

    /// The I/O address of a byte of memory that is mapped now; none if it is not. Takes no lock.
    std::optional<std::uint64_t> find(const void* address) const noexcept {
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        const auto bias = biases_.find(at);
        if (!bias) return std::nullopt;
        return at + *bias;
    }

private:
    static mapped_range mapped(std::uint64_t iova, std::span<const std::byte> range) noexcept {
        const auto first = reinterpret_cast<std::uintptr_t>(range.data());
        return {first, first + (range.size() - 1), iova - first};
    }
    /// Before the memory is unmapped: nobody finds an I/O address that leads nowhere.
    void forget(std::uint64_t iova, std::span<const std::byte> range) noexcept {
        const std::lock_guard lock(lock_);
        biases_.clear(mapped(iova, range));
    }

    bool check(std::span<const std::byte> range, pin_failure& failure) const {
        if (process_ != this_process())
            return refuse_map(failure, EPERM,
                              "this domain belongs to the parent process: open a container of your own");
        const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
        if (range.data() == nullptr || range.empty())
            return refuse_map(failure, EINVAL, "there is nothing to map: the range is empty");
        if (begin + (range.size() - 1) < begin)
            return refuse_map(failure, EINVAL, "the range wraps around the end of the address space");
        if ((begin | range.size()) % granule_ != 0)
            return refuse_map(failure, EINVAL,
                              "the range must begin and end at a multiple of " + std::to_string(granule_) +
                                  " bytes, the IOMMU's smallest page");
        return true;
    }

    /// What lets the IOMMU use its largest pages: addresses that are congruent with the memory's.
    static std::uint64_t alignment_for(std::span<const std::byte> range, std::uint64_t granule) noexcept {
        const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
        for (const std::uint64_t page : {std::uint64_t{1} << 30, std::uint64_t{huge_page_size}})
            if (range.size() >= page && begin % page == 0) return page;
        return granule;
    }

    std::optional<std::uint64_t> take_addresses(std::span<const std::byte> range, pin_failure& failure) {
        const std::lock_guard lock(lock_);
        if (entries_ == most_entries_) {
            refuse_map(failure, ENOSPC, entry_limit_remedy(most_entries_));
            return std::nullopt;
        }
        const auto memory = mapped(0, range);
        biases_.reserve(memory.first, memory.last, std::size_t{entries_} + 1);
        auto iova = addresses_.allocate(range.size(), alignment_for(range, granule_));
        if (!iova) iova = addresses_.allocate(range.size(), granule_); // small pages are better than none
        if (!iova) {
            refuse_map(failure, ENOSPC,
                       "no run of " + std::to_string(range.size()) +
                           " I/O addresses is free, the longest has " + std::to_string(addresses_.largest()) +
                           ": release mappings, or raise vfio_options::address_bits if the device can "
                           "address more");
            return std::nullopt;
        }
        ++entries_;
        return iova;
    }
    void give_addresses_back(std::uint64_t iova, std::size_t bytes) noexcept {
        const std::lock_guard lock(lock_);
        addresses_.free(iova, bytes);
        --entries_;
    }

    void forget_entry() noexcept {
        const std::lock_guard lock(lock_);
        --entries_;
    }

    /// Before Linux 6.2 a mapping without the write right pins the page of zeroes where memory has not been
    /// touched yet, and the device never sees what the CPU writes later. Memory that cannot be written has no
    /// such future; at such a page the kernel stops, so the rest is populated page by page.
    static bool populate(std::span<const std::byte> range, pin_failure& failure) {
        auto* const begin = const_cast<std::byte*>(range.data());
        if (Kernel::madvise(begin, range.size(), MADV_POPULATE_WRITE) == 0) return true;
        if (Kernel::madvise(begin, 0, MADV_POPULATE_WRITE) < 0)
            return refuse_map(failure, EOPNOTSUPP,
                              "before Linux 5.14 a device may not see what the program writes to memory that "
                              "it can only read: pin it with dma_access::read_write");
        const std::size_t page = Kernel::page_size();
        for (std::size_t at = 0; at < range.size(); at += page)
            static_cast<void>(Kernel::madvise(begin + at, page, MADV_POPULATE_WRITE));
        return true;
    }

    const container_use<Kernel> container_;
    const std::uint64_t granule_;
    const std::uint32_t most_entries_;
    const process_identity process_ = this_process();
    std::mutex lock_;    // guards all below; not held during system calls, which take long for much memory
    address_map biases_; // which is read without the lock
    iova_space addresses_;
    std::uint32_t entries_ = 0;
};

} // namespace gup::detail
