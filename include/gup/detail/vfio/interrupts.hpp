// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The interrupts of a device: how many there are, and which eventfds hear of them.

#include "gup/detail/vfio/device_state.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <linux/vfio.h>
#include <span>
#include <string>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// Its number for the kernel, and its name.
struct vfio_irq_kind {
    std::uint32_t index;
    const char* name;
};
inline constexpr vfio_irq_kind irq_intx{VFIO_PCI_INTX_IRQ_INDEX, "INTx"};
inline constexpr vfio_irq_kind irq_msi{VFIO_PCI_MSI_IRQ_INDEX, "MSI"};
inline constexpr vfio_irq_kind irq_msix{VFIO_PCI_MSIX_IRQ_INDEX, "MSI-X"};
inline constexpr vfio_irq_kind irq_err{VFIO_PCI_ERR_IRQ_INDEX, "ERR"};
inline constexpr vfio_irq_kind irq_req{VFIO_PCI_REQ_IRQ_INDEX, "REQ"};

/// All functions throw pin_error, EPERM in a forked child.
template <class Kernel>
class vfio_interrupts {
public:
    explicit vfio_interrupts(const vfio_device_state<Kernel>& of) noexcept : device_(of) {}

    /// How many the device has; 0 for a kind that it does not have at all.
    std::uint32_t count(vfio_irq_kind kind) const {
        device_.check_process("ioctl(VFIO_DEVICE_GET_IRQ_INFO)");
        vfio_irq_info irq{};
        irq.argsz = sizeof irq;
        irq.index = kind.index;
        const int result = Kernel::ioctl(device_.fd(), VFIO_DEVICE_GET_IRQ_INFO, &irq);
        if (result == -EINVAL) return 0;
        if (result != 0)
            device_.fail("ioctl(VFIO_DEVICE_GET_IRQ_INFO)", result,
                         std::string("does not say how many vectors of ") + kind.name + " it has");
        return irq.count;
    }

    /// INTx, MSI or MSI-X, in place of those set before: the kernel adds none to those that are enabled, and
    /// enables one of these kinds at a time.
    void set_vectors(vfio_irq_kind kind, std::span<const int> eventfds) const {
        check_count(kind, eventfds.size());
        std::vector<std::byte> request = request_for(kind, eventfds);
        for (const auto other : {irq_intx, irq_msi, irq_msix}) clear(other);
        send(kind, request, eventfds.size());
    }
    /// ERR or REQ, which go beside the others.
    void set_notice(vfio_irq_kind kind, int eventfd) const {
        check_count(kind, 1);
        std::vector<std::byte> request = request_for(kind, {&eventfd, 1});
        send(kind, request, 1);
    }
    /// Does nothing if none are enabled.
    void clear(vfio_irq_kind kind) const {
        device_.check_process("disabling interrupts");
        const int result = act(kind, VFIO_IRQ_SET_ACTION_TRIGGER, 0);
        if (result != 0 && result != -EINVAL) // there are none
            device_.fail("ioctl(VFIO_DEVICE_SET_IRQS)", result, "did not disable its interrupts");
    }
    /// INTx alone, while it is enabled.
    void mask(std::uint32_t action, const char* verb) const {
        device_.check_process("masking INTx");
        if (const int result = act(irq_intx, action, 1); result != 0)
            device_.fail("ioctl(VFIO_DEVICE_SET_IRQS)", result,
                         std::string("did not ") + verb + " INTx: it must be enabled, with enable_intx");
    }

private:
    void check_count(vfio_irq_kind kind, std::size_t wanted) const {
        const std::uint32_t has = count(kind);
        if (wanted == 0 || wanted > has)
            device_.fail("enabling interrupts", -EINVAL,
                         "has " + std::to_string(has) + " vectors of " + kind.name + ", not " +
                             std::to_string(wanted));
    }
    static std::vector<std::byte> request_for(vfio_irq_kind kind, std::span<const int> eventfds) {
        vfio_irq_set head{};
        std::vector<std::byte> request(sizeof head + eventfds.size_bytes());
        head.argsz = static_cast<std::uint32_t>(request.size());
        head.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
        head.index = kind.index;
        head.count = static_cast<std::uint32_t>(eventfds.size());
        std::memcpy(request.data(), &head, sizeof head);
        std::memcpy(request.data() + sizeof head, eventfds.data(), eventfds.size_bytes());
        return request;
    }
    void send(vfio_irq_kind kind, std::vector<std::byte>& request, std::size_t wanted) const {
        const int result = Kernel::ioctl(device_.fd(), VFIO_DEVICE_SET_IRQS, request.data());
        if (result > 0) // none is set, though there are so many
            device_.fail("ioctl(VFIO_DEVICE_SET_IRQS)", -ENOSPC,
                         "can have " + std::to_string(result) + " vectors of " + kind.name +
                             " at present, not " + std::to_string(wanted) + ": ask for fewer");
        if (result == -EBADF || result == -EINVAL)
            device_.fail("ioctl(VFIO_DEVICE_SET_IRQS)", result,
                         "was given descriptors that are not open, or of no eventfd(2)");
        if (result < 0)
            device_.fail("ioctl(VFIO_DEVICE_SET_IRQS)", result,
                         std::string("has no ") + kind.name +
                             " from the kernel at present: its log (dmesg) may say why");
    }
    int act(vfio_irq_kind kind, std::uint32_t action, std::uint32_t vectors) const noexcept {
        vfio_irq_set request{};
        request.argsz = sizeof request;
        request.flags = VFIO_IRQ_SET_DATA_NONE | action;
        request.index = kind.index;
        request.count = vectors;
        return Kernel::ioctl(device_.fd(), VFIO_DEVICE_SET_IRQS, &request);
    }

    const vfio_device_state<Kernel>& device_;
};

} // namespace gup::inline GUP_NAMESPACE::detail
