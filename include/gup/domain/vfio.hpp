// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `vfio_domain`: memory mapped for the devices of a VFIO container, each page at an I/O address that follows
/// from its own. For user-space drivers. Needs the kernel's headers only.

#include "gup/detail/vfio/type1_mapper.hpp"
#include "gup/domain/vfio_container.hpp"
#include "gup/iova.hpp"
#include "gup/pin_place.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// How a domain maps.
struct vfio_options {
    unsigned address_bits = 64; ///< width of the addresses that the devices can send; the IOMMU's counts too
};

template <class Tag = void, class Kernel = system_kernel>
class [[gnu::visibility("default")]] vfio_domain;

/// The IOMMU of one container. A counted handle: copies share the mappings. A container has one domain at a
/// time. Groups that join later see what is mapped. `Tag` makes two domains of a program different types, so
/// that their pages cannot be mixed up.
///
/// Container, groups and devices may be destroyed before the domain and its pools, in any order: the kernel's
/// side of them stays until the last page is put, or the last device of the container leaves VFIO. Closing a
/// device stops its DMA.
///
/// When that last device is unbound or removed, the kernel drops every mapping and unpins the memory,
/// whatever is open. The domain has then ended: pin throws ENODEV, find_iova finds nothing any more, I/O
/// addresses that were given out lead nowhere, and what is put or destroyed goes as ever. To take a device
/// away, stop it, end its operations, put its pages, then destroy pools and domain, close the device, and
/// unbind it. A device that comes next joins the same container, and needs a domain made after the ended one
/// has gone.
///
/// All functions are thread-safe. A forked child inherits descriptors that could unmap the parent's memory;
/// the domain refuses to pin there and releases nothing.
///
/// Pins are whole pages of the IOMMU, each at one run of I/O addresses, by one VFIO_IOMMU_MAP_DMA: devices
/// may write only if the access is read_write. Beside what every domain throws, pin throws pin_error: EINVAL
/// for misaligned ranges; ENOSPC if no I/O addresses are left or the container holds as many mappings as it
/// may (dma_entry_limit); ENODEV if the devices have gone; ENOMEM over the budget (VmLck); EFAULT for memory
/// that cannot be pinned; EOPNOTSUPP without read_write before Linux 5.14.
template <class Tag, class Kernel>
class vfio_domain : public place_domain<detail::type1_mapper<Kernel>, Tag> {
    using base = place_domain<detail::type1_mapper<Kernel>, Tag>;

public:
    /// A page without an I/O address is of no use to a device: a pool cannot fall back to plain memory.
    static constexpr bool usable_unpinned = false;
    /// The memory of devices can be mapped for other devices of the container.
    static constexpr bool pins_device_memory = true;

    /// Over a container that has a group. Throws pin_error: EINVAL if it has none or the options make no
    /// sense, EBUSY if it has a domain, one that has ended too, EPERM in a forked child.
    explicit vfio_domain(const basic_vfio_container<Kernel>& container, vfio_options options = {})
        : base(nullptr) {
        pin_failure failure;
        if (!init(container, options, failure)) detail::throw_failure(std::move(failure));
    }
    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("this makes a domain")]] static std::optional<vfio_domain>
    try_make(const basic_vfio_container<Kernel>& container, vfio_options options, pin_failure& failure) {
        vfio_domain made(nullptr);
        if (!made.init(container, options, failure)) return std::nullopt;
        return made;
    }

    /// False once the kernel has dropped all mappings because the last device of the container left VFIO. One
    /// system call (VFIO_IOMMU_GET_INFO).
    bool attached() const noexcept { return !this->the_place().lost(); }

    /// The I/O address of any byte of memory that is mapped now, and nothing for other memory: for drivers
    /// that have just a pointer. Takes constant time and no lock, whatever is mapped. The caller holds a
    /// reference to the page; otherwise it may be unmapped before the device sees the address. Memory that is
    /// mapped more than once has the address of any of its mappings: iova(ref) is that of the reference's
    /// own.
    std::optional<std::uint64_t> find_iova(const void* address) const noexcept {
        return this->the_place().find(address);
    }

private:
    using base::emplace, base::the_place, base::unpinned_with; // from here on nobody's
    explicit vfio_domain(std::nullptr_t) noexcept : base(nullptr) {}
    bool init(const basic_vfio_container<Kernel>& container, const vfio_options& options,
              pin_failure& failure) {
        failure = {};
        if (options.address_bits < 12 || options.address_bits > 64)
            return detail::refuse(failure, EINVAL, "vfio_domain",
                                  "vfio_options::address_bits is a width from 12 to 64 bits");
        if (!container.state_->try_use(failure)) return false;
        detail::container_use<Kernel> use(container.state_);
        const auto info = detail::read_iommu_info<Kernel>(use.fd(), failure);
        if (!info) return false;
        this->emplace(std::move(use), *info, options.address_bits);
        return true;
    }
};

template <class Kernel>
vfio_domain(const basic_vfio_container<Kernel>&) -> vfio_domain<void, Kernel>;
template <class Kernel>
vfio_domain(const basic_vfio_container<Kernel>&, vfio_options) -> vfio_domain<void, Kernel>;

static_assert(pin_domain<vfio_domain<>>);

} // namespace gup::inline GUP_NAMESPACE
