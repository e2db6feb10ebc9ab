// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the handles of a device point to: its descriptor, and the system calls on it.

#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/vfio/container_state.hpp"
#include "gup/pci_device_info.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/vfio.h>
#include <memory>
#include <string>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

template <class Kernel>
class vfio_device_state {
public:
    /// Null, with `failure` filled, if the device cannot be opened. Throws std::bad_alloc.
    static std::shared_ptr<vfio_device_state>
    try_open(std::shared_ptr<vfio_container_state<Kernel>> container, int group, std::string address,
             pin_failure& failure) {
        keep_loaded();
        auto made = std::make_shared<vfio_device_state>(std::move(container), std::move(address));
        vfio_device_state& device = *made;
        device.fd_ = Kernel::ioctl(group, VFIO_GROUP_GET_DEVICE_FD, device.info_.address.data());
        if (device.fd_ < 0) {
            refuse(failure, -device.fd_, "ioctl(VFIO_GROUP_GET_DEVICE_FD)",
                   explain_device<Kernel>(device.info_.address, -device.fd_));
            return nullptr;
        }
        device.kernels_info_.argsz = sizeof device.kernels_info_;
        if (const int result = Kernel::ioctl(device.fd_, VFIO_DEVICE_GET_INFO, &device.kernels_info_);
            result != 0) {
            refuse(failure, errno_of(result), "ioctl(VFIO_DEVICE_GET_INFO)");
            return nullptr;
        }
        device.config_.argsz = sizeof device.config_;
        device.config_.index = VFIO_PCI_CONFIG_REGION_INDEX;
        std::array<std::uint16_t, 2> ids{};
        const int result = Kernel::ioctl(device.fd_, VFIO_DEVICE_GET_REGION_INFO, &device.config_);
        if (result != 0 || Kernel::pread(device.fd_, ids.data(), sizeof ids, device.config_.offset) !=
                               static_cast<ssize_t>(sizeof ids)) {
            refuse(failure, errno_of(result), "reading the PCI configuration space",
                   "the device does not answer: it may have been removed, or sleep in D3");
            return nullptr;
        }
        device.info_.vendor = ids[0];
        device.info_.device = ids[1];
        return made;
    }

    /// For try_open alone.
    vfio_device_state(std::shared_ptr<vfio_container_state<Kernel>> container, std::string address)
        : container_(std::move(container)) {
        info_.address = std::move(address);
    }
    vfio_device_state(const vfio_device_state&) = delete;
    vfio_device_state& operator=(const vfio_device_state&) = delete;
    ~vfio_device_state() {
        if (fd_ >= 0) Kernel::close(fd_);
    }

    int fd() const noexcept { return fd_; }
    const pci_device_info& info() const noexcept { return info_; }

    /// False in a forked child, which has the descriptors of the parent's device, but not the device.
    bool ours() const noexcept { return process_ == this_process(); }
    void check_process(const char* call) const {
        if (!ours()) [[unlikely]]
            fail(call, -EPERM, "belongs to the parent process: open one in a container of your own");
    }

    const vfio_region_info& config() const noexcept { return config_; }
    /// A BAR; throws EINVAL if the device does not have it.
    vfio_region_info bar(unsigned number) const {
        check_process("look-up of a BAR");
        if (number > VFIO_PCI_BAR5_REGION_INDEX) fail("look-up of a BAR", -EINVAL, "has BARs 0 to 5 only");
        const vfio_region_info found = region(number);
        if (found.size == 0) fail("look-up of a BAR", -EINVAL, "has no BAR " + std::to_string(number));
        return found;
    }

    /// One register, by system call.
    template <class T>
    T read(const vfio_region_info& from, std::uint64_t offset) const {
        check_register("reading a register", from, sizeof(T), offset);
        T value{};
        const ssize_t result = Kernel::pread(fd_, &value, sizeof value, from.offset + offset);
        check_transfer("pread of a register", result, sizeof value);
        return value;
    }
    template <class T>
    void write(const vfio_region_info& to, std::uint64_t offset, T value) const {
        check_register("writing a register", to, sizeof(T), offset);
        const ssize_t result = Kernel::pwrite(fd_, &value, sizeof value, to.offset + offset);
        check_transfer("pwrite of a register", result, sizeof value);
    }

    void reset() const {
        check_process("ioctl(VFIO_DEVICE_RESET)");
        if ((kernels_info_.flags & VFIO_DEVICE_FLAGS_RESET) == 0)
            fail("ioctl(VFIO_DEVICE_RESET)", -EOPNOTSUPP,
                 "cannot be reset by itself: stop it with disable_bus_master, or close it");
        if (const int result = Kernel::ioctl(fd_, VFIO_DEVICE_RESET, nullptr); result != 0)
            fail("ioctl(VFIO_DEVICE_RESET)", result, "could not be reset");
    }

    /// Throws: the device, by its address, and what it does not do.
    [[noreturn, gnu::cold]] void fail(const char* call, int result, const std::string& what) const {
        throw_refusal(errno_of(result), call, "the device " + info_.address + " " + what);
    }

private:
    vfio_region_info region(unsigned index) const {
        vfio_region_info found{};
        found.argsz = sizeof found;
        found.index = index;
        if (const int result = Kernel::ioctl(fd_, VFIO_DEVICE_GET_REGION_INFO, &found); result != 0)
            fail("ioctl(VFIO_DEVICE_GET_REGION_INFO)", result, "does not describe its region");
        return found;
    }
    void check_register(const char* call, const vfio_region_info& in, std::size_t bytes,
                        std::uint64_t offset) const {
        check_process(call);
        if (offset % bytes != 0 || offset > in.size || bytes > in.size - offset)
            fail(call, -EINVAL, "has no such register: it must be aligned, and inside its region");
    }
    void check_transfer(const char* call, ssize_t result, std::size_t bytes) const {
        if (result == static_cast<ssize_t>(bytes)) return;
        fail(call, result < 0 ? static_cast<int>(result) : -EIO, "does not answer");
    }

    const process_identity process_ = this_process();
    const std::shared_ptr<vfio_container_state<Kernel>> container_; // closes after the device
    pci_device_info info_{};
    vfio_region_info config_{};
    vfio_device_info kernels_info_{};
    int fd_ = -1;
};

} // namespace gup::inline GUP_NAMESPACE::detail
