// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `vfio_domain`: memory mapped for the devices of a VFIO container, each page at an I/O address that follows
/// from its own. For user-space drivers. Needs the kernel's headers only.

#include "gup/detail/vfio/dma_table.hpp"
#include "gup/domain/vfio_container.hpp"
#include "gup/iova.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace gup {

/// How a domain maps.
struct vfio_options {
    unsigned address_bits = 64; ///< width of the addresses that the devices can send; the IOMMU's counts too
};

/// The IOMMU of one container. A counted handle: copies share the mappings. A container has one domain at a
/// time, made when all its groups are attached. `Tag` makes two domains of a program different types, so that
/// their pages cannot be mixed up.
///
/// Container, groups and devices may be destroyed before the domain and its pools, in any order: the kernel's
/// side of them stays until the last page is put. Closing a device stops its DMA. All functions are
/// thread-safe. A forked child inherits descriptors that could unmap the parent's memory; the domain refuses
/// to pin there and releases nothing.
template <class Tag = void, class Kernel = system_kernel>
class vfio_domain {
    using table = detail::dma_table<Kernel>;

public:
    using kernel = Kernel;
    using tag = Tag;
    /// A page without an I/O address is of no use to a device: a pool cannot fall back to plain memory.
    static constexpr bool usable_unpinned = false;
    /// The memory of devices can be mapped for other devices of the container.
    static constexpr bool pins_device_memory = true;

    /// A range mapped for the devices; move-only, undone by its destructor. Default-constructed maps nothing.
    class [[nodiscard("dropping a registration unmaps its memory at once")]] registration
        : public detail::iova_binding {
    public:
        registration() = default;
        registration(registration && other) noexcept { take(other); }
        registration& operator=(registration&& other) noexcept {
            if (this == &other) return *this;
            release(nullptr);
            take(other);
            return *this;
        }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration() { release(nullptr); }

        /// I/O address of the first byte.
        std::uint64_t iova() const noexcept { return reinterpret_cast<std::uintptr_t>(range_.data()) + bias; }
        /// Bytes that are mapped, and charged to VmLck.
        std::size_t bytes() const noexcept { return range_.size(); }
        /// Unmaps (VFIO_IOMMU_UNMAP_DMA), then destroys `memory`; see pin_domain.
        void release(std::unique_ptr<pinned_memory> memory) noexcept {
            const std::shared_ptr<table> from = std::move(table_);
            const std::span<const std::byte> range = std::exchange(range_, {});
            const std::uint64_t first = reinterpret_cast<std::uintptr_t>(range.data()) + bias;
            if (from != nullptr) from->release(first, range, std::move(memory));
        }

    private:
        friend class vfio_domain;
        registration(std::shared_ptr<table> from, std::span<const std::byte> range,
                     std::uint64_t iova) noexcept
            : iova_binding{iova - reinterpret_cast<std::uintptr_t>(range.data())},
              table_(std::move(from)),
              range_(range) {}
        void take(registration & other) noexcept {
            bias = other.bias;
            table_ = std::move(other.table_);
            range_ = std::exchange(other.range_, {});
        }

        std::shared_ptr<table> table_;
        std::span<const std::byte> range_;
    };

    /// Over a container that has a group. Throws pin_error: EINVAL if it has none or the options make no
    /// sense, EBUSY if it has a domain, EPERM in a forked child.
    explicit vfio_domain(const basic_vfio_container<Kernel>& container, vfio_options options = {}) {
        pin_failure failure;
        if (!init(container, options, failure)) throw pin_error(std::move(failure));
    }
    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("this makes a domain")]] static std::optional<vfio_domain>
    try_make(const basic_vfio_container<Kernel>& container, vfio_options options, pin_failure& failure) {
        vfio_domain made{nothing{}};
        if (!made.init(container, options, failure)) return std::nullopt;
        return made;
    }

    /// Maps whole pages of the IOMMU at one run of I/O addresses, with one VFIO_IOMMU_MAP_DMA: devices may
    /// write only if the access is read_write. The range must stay mapped until the registration has gone.
    ///
    /// Throws pin_error: EINVAL for empty, wrapping or misaligned ranges; ENOSPC if no I/O addresses are left
    /// or the container holds as many mappings as it may (dma_entry_limit); ENOMEM over the budget (VmLck);
    /// EFAULT for memory that cannot be pinned; EOPNOTSUPP without read_write before Linux 5.14; EPERM in a
    /// forked child.
    registration pin(std::span<const std::byte> range, dma_access access) {
        pin_failure failure;
        if (auto made = try_pin(range, access, failure)) return std::move(*made);
        throw pin_error(std::move(failure));
    }
    /// As pin; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc only.
    [[nodiscard("dropping a registration unmaps its memory at once")]] std::optional<registration>
    try_pin(std::span<const std::byte> range, dma_access access, pin_failure& failure) {
        const auto iova = table_->try_map(range, access, failure);
        if (!iova) return std::nullopt;
        return registration(table_, range, *iova);
    }

    /// The I/O address of any byte of memory that is mapped now, and nothing for other memory: for drivers
    /// that have just a pointer. Takes constant time and no lock, whatever is mapped. The caller holds a
    /// reference to the page; otherwise it may be unmapped before the device sees the address. Memory that is
    /// mapped more than once has the address of any of its mappings: iova(ref) is that of the reference's
    /// own.
    std::optional<std::uint64_t> find_iova(const void* address) const noexcept {
        return table_->find(address);
    }

    /// True if both are handles to the same mappings.
    friend bool operator==(const vfio_domain&, const vfio_domain&) noexcept = default;

    // Copies only: a handle that was moved from would refer to nothing, and pools take theirs by value.
    vfio_domain(const vfio_domain&) noexcept = default;
    vfio_domain& operator=(const vfio_domain&) noexcept = default;
    ~vfio_domain() = default;

private:
    struct nothing {};
    explicit vfio_domain(nothing) noexcept {}

    bool init(const basic_vfio_container<Kernel>& container, const vfio_options& options,
              pin_failure& failure) {
        if (options.address_bits < 12 || options.address_bits > 64)
            return detail::refuse_vfio(failure, "vfio_domain", -EINVAL,
                                       "vfio_options::address_bits is a width from 12 to 64 bits");
        table_ = table::try_make(container.state_, options.address_bits, failure);
        return table_ != nullptr;
    }

    std::shared_ptr<table> table_;
};

static_assert(pin_domain<vfio_domain<>>);

} // namespace gup
