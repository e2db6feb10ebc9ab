// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `vfio_device`: a PCI device that this program drives. Its registers, its configuration space, its
/// interrupts, its reset.

#include "gup/detail/vfio/device_state.hpp"
#include "gup/detail/vfio/interrupts.hpp"
#include "gup/domain/vfio_bar.hpp"
#include "gup/domain/vfio_container.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <linux/vfio.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// Kinds of interrupts, as VFIO numbers them: three of the device's own, of which one can be used at a time,
/// and two of the kernel's about the device.
enum class vfio_interrupt : std::uint8_t { intx, msi, msix, err, req };

/// A device bound to vfio-pci. A counted handle: copies share the device. The device is closed, and with that
/// stopped by the kernel, when the last handle to it, its BARs and the pinned pages of those has gone.
///
/// A forked child has the handles, but not the device: there every function throws EPERM, BARs are not
/// mapped, and what ends leaves the parent's device alone. As long as the child has the descriptors open,
/// until it execs, nobody else can have the device.
///
/// Thread-safe, except that what the functions do to one device is in no order between threads. Functions
/// that fail throw pin_error with the errno of the kernel, or EINVAL or EOPNOTSUPP if the device does not
/// have what is asked for.
template <class Kernel = system_kernel>
class basic_vfio_device {
    using state = detail::vfio_device_state<Kernel>;

public:
    /// Opens a device by its address on the PCI bus, as in "0000:00:04.0", and attaches its group to the
    /// container. Throws also what vfio_group throws.
    basic_vfio_device(basic_vfio_container<Kernel> container, std::string address)
        : basic_vfio_device(make_or_throw(std::move(container), std::move(address))) {}
    /// In a container of its own.
    explicit basic_vfio_device(std::string address)
        : basic_vfio_device(basic_vfio_container<Kernel>(), std::move(address)) {}
    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("this opens a device")]] static std::optional<basic_vfio_device>
    try_make(basic_vfio_container<Kernel> container, std::string address, pin_failure& failure) {
        failure = {};
        const auto number = detail::find_group<Kernel>(address, failure);
        if (!number) return std::nullopt;
        const auto group = basic_vfio_group<Kernel>::try_make(container, *number, failure);
        if (!group) return std::nullopt;
        auto made = state::try_open(container.state_, group->descriptor(), std::move(address), failure);
        if (made == nullptr) return std::nullopt;
        return basic_vfio_device(std::move(container), std::move(made));
    }

    /// What is known of it.
    const pci_device_info& info() const noexcept { return state_->info(); }
    const basic_vfio_container<Kernel>& container() const noexcept { return container_; }
    /// The descriptor of the device, for what gup does not do. It stays ours.
    int descriptor() const noexcept { return state_->fd(); }

    /// A register of the configuration space, of 1, 2 or 4 bytes, little-endian as on the bus.
    template <std::unsigned_integral T>
    T read_config(unsigned offset) const {
        check_width<T>();
        return state_->template read<T>(state_->config(), offset);
    }
    template <std::unsigned_integral T>
    void write_config(unsigned offset, T value) const {
        check_width<T>();
        state_->write(state_->config(), offset, value);
    }

    /// A register of a BAR, of 1, 2 or 4 bytes, by system call: for BARs that cannot be mapped, I/O ports and
    /// less than a page, and for devices that may not answer, which throw EIO.
    template <std::unsigned_integral T>
    T read_bar(unsigned number, std::uint64_t offset) const {
        check_width<T>();
        return state_->template read<T>(state_->bar(number), offset);
    }
    template <std::unsigned_integral T>
    void write_bar(unsigned number, std::uint64_t offset, T value) const {
        check_width<T>();
        state_->write(state_->bar(number), offset, value);
    }

    /// Lets the device start DMA. VFIO opens devices without that right, and what they then try to read or
    /// write goes nowhere and is not reported.
    void enable_bus_master() const { change_command(bus_master, bus_master); }
    /// Stops the device's DMA.
    void disable_bus_master() const { change_command(bus_master, 0); }

    /// Maps a base address register. Throws EOPNOTSUPP if it cannot be mapped, EINVAL if it does not exist.
    basic_vfio_bar<Kernel> map_bar(unsigned number,
                                   msix_table_pages table = msix_table_pages::read_only) const {
        return basic_vfio_bar<Kernel>(
            detail::vfio_bar_state<Kernel>::map(state_, number, table == msix_table_pages::read_only));
    }

    /// How many vectors the device has of a kind; 0 if none. The kernel may have fewer to give.
    std::uint32_t vectors(vfio_interrupt kind) const { return interrupts().count(of(kind)); }

    /// Has each vector signal an eventfd(2) of the caller's, which the kernel keeps a reference to. In place
    /// of those set before, of INTx, MSI and MSI-X; if the kernel refuses the new ones, none is set. They are
    /// writes of the device, so none comes before enable_bus_master. Throws EINVAL if the device does not
    /// have so many; ENOSPC, with how many there are, if the kernel has not.
    void enable_msi(std::span<const int> eventfds) const {
        interrupts().set_vectors(detail::irq_msi, eventfds);
    }
    void enable_msix(std::span<const int> eventfds) const {
        interrupts().set_vectors(detail::irq_msix, eventfds);
    }
    void disable_msi() const { interrupts().clear(detail::irq_msi); }
    void disable_msix() const { interrupts().clear(detail::irq_msix); }

    /// The same for the device's interrupt line, which others may share: the kernel masks it whenever it
    /// signals, and the driver unmasks it when it has told the device that it knows.
    void enable_intx(int eventfd) const { interrupts().set_vectors(detail::irq_intx, {&eventfd, 1}); }
    void disable_intx() const { interrupts().clear(detail::irq_intx); }
    void mask_intx() const { interrupts().mask(VFIO_IRQ_SET_ACTION_MASK, "mask"); }
    void unmask_intx() const { interrupts().mask(VFIO_IRQ_SET_ACTION_UNMASK, "unmask"); }

    /// Signals an eventfd when the kernel wants the device back, because it is being unbound or pulled out,
    /// and again every few seconds. The driver then stops it, ends its operations, puts pages of its BARs and
    /// destroys all handles; until then whoever unbinds it waits, for ever without this.
    void enable_req(int eventfd) const { interrupts().set_notice(detail::irq_req, eventfd); }
    void disable_req() const { interrupts().clear(detail::irq_req); }
    /// Signals an eventfd when the device has reported an error that it does not recover from by itself (PCI
    /// Express only): to be reset, or closed.
    void enable_err(int eventfd) const { interrupts().set_notice(detail::irq_err, eventfd); }
    void disable_err() const { interrupts().clear(detail::irq_err); }

    /// Resets the device: it stops all DMA and forgets what it was told. Throws EOPNOTSUPP if it cannot.
    void reset() const { state_->reset(); }

    friend bool operator==(const basic_vfio_device&, const basic_vfio_device&) noexcept = default;

    // Copies only: a handle that was moved from would refer to nothing.
    basic_vfio_device(const basic_vfio_device&) noexcept = default;
    basic_vfio_device& operator=(const basic_vfio_device&) noexcept = default;
    ~basic_vfio_device() = default;

private:
    static constexpr unsigned command_register = 4;
    static constexpr std::uint16_t bus_master = 1U << 2;

    basic_vfio_device(basic_vfio_container<Kernel> container, std::shared_ptr<state> made) noexcept
        : container_(std::move(container)), state_(std::move(made)) {}
    static basic_vfio_device make_or_throw(basic_vfio_container<Kernel> container, std::string address) {
        pin_failure failure;
        if (auto made = try_make(std::move(container), std::move(address), failure)) return *made;
        detail::throw_failure(std::move(failure));
    }
    template <class T>
    static constexpr void check_width() {
        static_assert(sizeof(T) <= 4,
                      "a system call reads or writes a register of 8 bytes in two halves, on most "
                      "kernels: use the mapping, map_bar(...).read or write, or say which half");
    }
    detail::vfio_interrupts<Kernel> interrupts() const noexcept {
        return detail::vfio_interrupts<Kernel>(*state_);
    }
    static constexpr detail::vfio_irq_kind of(vfio_interrupt kind) noexcept {
        constexpr std::array all{detail::irq_intx, detail::irq_msi, detail::irq_msix, detail::irq_err,
                                 detail::irq_req};
        return all.at(static_cast<std::size_t>(kind));
    }
    void change_command(std::uint16_t bits, std::uint16_t to) const {
        const auto command = read_config<std::uint16_t>(command_register);
        write_config(command_register, static_cast<std::uint16_t>((command & ~bits) | to));
    }

    basic_vfio_container<Kernel> container_;
    std::shared_ptr<state> state_;
};

using vfio_device = basic_vfio_device<>;

} // namespace gup::inline GUP_NAMESPACE
