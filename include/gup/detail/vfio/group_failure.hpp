// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Says what to do when VFIO refuses a container, a group or a device: its few errnos stand for many causes.

#include "gup/error.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// The errno of a call whose only success is 0, and which did not succeed: some answer with a count of what
/// there would have been.
constexpr int errno_of(int result) noexcept { return result < 0 ? -result : EIO; }

inline std::string group_folder(unsigned group) {
    return "/sys/kernel/iommu_groups/" + std::to_string(group) + "/devices";
}

/// The driver that a device of the PCI bus is bound to; empty if there is none.
template <class Kernel>
std::string driver_of(const std::string& device) {
    std::string target;
    if (Kernel::read_link(("/sys/bus/pci/devices/" + device + "/driver").c_str(), target) < 0) return "";
    return target.substr(target.find_last_of('/') + 1);
}

/// How to bind one device to vfio-pci.
inline std::string how_to_bind(const std::string& device) {
    return "`modprobe vfio-pci; echo vfio-pci > /sys/bus/pci/devices/" + device + "/driver_override; echo " +
           device + " > /sys/bus/pci/devices/" + device + "/driver/unbind; echo " + device +
           " > /sys/bus/pci/drivers_probe` as root";
}

/// Names the devices of a group that are not VFIO's, and how to change that.
template <class Kernel>
std::string missing_members(unsigned group) {
    std::vector<std::string> devices;
    if (const int result = Kernel::list_folder(group_folder(group).c_str(), devices); result < 0)
        return "there is no IOMMU group " + std::to_string(group) +
               ": look for the device's in /sys/bus/pci/devices/ADDRESS/iommu_group; if there is none, "
               "enable "
               "the IOMMU in the firmware and with intel_iommu=on on the kernel's command line";
    std::string text;
    for (const std::string& device : devices) {
        const std::string driver = driver_of<Kernel>(device);
        // a bridge may keep its driver or have none
        if (driver == "vfio-pci" || driver == "pcieport" || driver == "pci-stub") continue;
        text += (text.empty() ? "bind every device of IOMMU group " + std::to_string(group) +
                                    " to vfio-pci, these are missing: "
                              : ", ") +
                device + " (" + (driver.empty() ? "no driver" : driver) + ")";
    }
    if (text.empty()) return "every device of IOMMU group " + std::to_string(group) + " is bound to vfio-pci";
    return text + "; for each, " + how_to_bind("ADDRESS");
}

inline constexpr const char* more_files = "raise the number of open files with `ulimit -n` or fs.file-max";

/// Why a special file of VFIO could not be opened.
inline std::string explain_open(const std::string& path, int error) {
    if (error == EACCES || error == EPERM)
        return "this user may not open it: `chown $USER " + path + "` as root, or a udev rule";
    if (error == EBUSY)
        return "another program, or another container of this one, has it open: a group has one user at a "
               "time";
    if (error == EMFILE || error == ENFILE) return more_files;
    return "";
}

/// Why a device of a group that is attached could not be opened.
inline std::string explain_device(const std::string& device, int error) {
    if (error == ENODEV) return "the device " + device + " is not bound to vfio-pci: " + how_to_bind(device);
    if (error == EMFILE || error == ENFILE) return more_files;
    return "the driver cannot open the device " + device + ": the kernel's log (dmesg) says why";
}

} // namespace gup::inline GUP_NAMESPACE::detail
