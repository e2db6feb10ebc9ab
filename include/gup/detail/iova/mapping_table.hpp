// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The mappings of an IOMMU's address space: which I/O addresses are taken, and which memory has them. Makes
/// no system call.

#include "gup/detail/iova/address_map.hpp"
#include "gup/detail/iova/iova_space.hpp"
#include "gup/error.hpp"
#include "gup/memory_kind.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// All functions are thread-safe, and none is slow: callers map and unmap, which takes long for much memory,
/// between them.
class mapping_table {
public:
    /// `granule` is the IOMMU's smallest page, `most_entries` what the kernel maps at most.
    mapping_table(const std::vector<iova_range>& usable, unsigned address_bits, std::uint64_t granule,
                  std::uint32_t most_entries)
        : granule_(granule), most_entries_(most_entries), addresses_(usable, address_bits, granule) {}

    std::uint64_t granule() const noexcept { return granule_.load(std::memory_order_relaxed); }

    /// A run of I/O addresses for the range; none, with `failure` filled but for the call, if there is none.
    /// Throws std::bad_alloc.
    std::optional<std::uint64_t> take(std::span<const std::byte> range, pin_failure& failure) {
        const std::lock_guard lock(lock_);
        if (entries_ == most_entries_) {
            refuse(failure, ENOSPC, failure.call, entry_limit_remedy());
            return std::nullopt;
        }
        const auto memory = mapped(range, 0);
        biases_.reserve(memory.first, memory.last, std::size_t{entries_} + 1);
        auto iova = addresses_.allocate(range.size(), alignment_for(range));
        if (!iova) iova = addresses_.allocate(range.size(), granule()); // small pages are better than none
        if (!iova) {
            refuse(
                failure, ENOSPC, failure.call,
                "no run of " + std::to_string(range.size()) + " I/O addresses is free, the longest has " +
                    std::to_string(addresses_.largest()) +
                    ": release mappings, or raise vfio_options::address_bits if the device can address more");
            return std::nullopt;
        }
        ++entries_;
        return iova;
    }
    /// The range is mapped there now: its addresses are found from here on.
    void set(std::span<const std::byte> range, std::uint64_t iova) noexcept {
        const std::lock_guard lock(lock_);
        biases_.set(mapped(range, iova));
    }
    /// Before the range is unmapped: nobody finds an I/O address that leads nowhere.
    void clear(std::span<const std::byte> range, std::uint64_t iova) noexcept {
        const std::lock_guard lock(lock_);
        biases_.clear(mapped(range, iova));
    }
    /// The addresses of a range that is not mapped can be taken again.
    void give_back(std::span<const std::byte> range, std::uint64_t iova) noexcept {
        const std::lock_guard lock(lock_);
        addresses_.free(iova, range.size());
        --entries_;
    }
    /// After so many bytes at an I/O address were refused, and given back: gives out only what is usable now.
    /// False if that would not have kept them from being given out. `usable` is in order. Throws
    /// std::bad_alloc.
    bool narrow(const std::vector<iova_range>& usable, std::uint64_t granule, std::uint64_t bytes,
                std::uint64_t iova) {
        const std::lock_guard lock(lock_);
        const std::uint64_t last = iova + (bytes - 1);
        if ((iova | bytes) % granule == 0 && covered(usable, {iova, last})) return false;
        addresses_.narrow(usable, granule);
        granule_.store(std::max(granule, this->granule()), std::memory_order_relaxed);
        return true;
    }
    /// Somebody else has mapped at addresses that were taken: they are never given out again.
    void abandon() noexcept {
        const std::lock_guard lock(lock_);
        --entries_;
    }

    /// The I/O address of a byte of memory that is mapped now; none if it is not. Takes no lock.
    std::optional<std::uint64_t> find(const void* address) const noexcept {
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        const auto bias = biases_.find(at);
        if (!bias) return std::nullopt;
        return at + *bias;
    }

private:
    static bool covered(const std::vector<iova_range>& by, iova_range wanted) noexcept {
        for (const iova_range& range : by) {
            if (wanted.first < range.first || range.last < wanted.first) continue;
            if (wanted.last <= range.last) return true;
            wanted.first = range.last + 1;
        }
        return false;
    }
    static mapped_range mapped(std::span<const std::byte> range, std::uint64_t iova) noexcept {
        const auto first = reinterpret_cast<std::uintptr_t>(range.data());
        return {first, first + (range.size() - 1), iova - first};
    }
    /// What lets the IOMMU use its largest pages: addresses that are congruent with the memory's.
    std::uint64_t alignment_for(std::span<const std::byte> range) const noexcept {
        const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
        for (const std::uint64_t page : {std::uint64_t{1} << 30, std::uint64_t{huge_page_size}})
            if (range.size() >= page && begin % page == 0) return page;
        return granule();
    }
    std::string entry_limit_remedy() const {
        return "the container may hold " + std::to_string(most_entries_) +
               " mappings: map larger ranges, or raise it with `echo " +
               std::to_string(std::uint64_t{most_entries_} * 2) +
               " > /sys/module/vfio_iommu_type1/parameters/dma_entry_limit` as root before the container is "
               "opened";
    }

    std::atomic<std::uint64_t> granule_; // changed under the lock
    const std::uint32_t most_entries_;
    std::mutex lock_;    // guards all below
    address_map biases_; // which is read without the lock
    iova_space addresses_;
    std::uint32_t entries_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
