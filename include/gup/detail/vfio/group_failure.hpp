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

/// The devices of a group but for its bridges, which VFIO neither takes nor minds, each with its driver;
/// false if there is no such group.
template <class Kernel>
bool list_members(unsigned group, std::vector<std::pair<std::string, std::string>>& members) {
    std::vector<std::string> devices;
    if (Kernel::list_folder(group_folder(group).c_str(), devices) < 0) return false;
    for (std::string& device : devices) {
        std::string kind;
        const std::string file = "/sys/bus/pci/devices/" + device + "/class";
        if (Kernel::read_text(file.c_str(), kind) == 0 && kind.starts_with("0x0604")) continue;
        std::string driver = driver_of<Kernel>(device);
        members.emplace_back(std::move(device), std::move(driver));
    }
    return true;
}

/// vfio-pci, or one of its kind for certain devices.
inline bool is_vfio(std::string_view driver) { return driver.find("vfio") != driver.npos; }

/// How to bind one device to vfio-pci.
inline std::string how_to_bind(const std::string& device) {
    return "`modprobe vfio-pci; echo vfio-pci > /sys/bus/pci/devices/" + device + "/driver_override; echo " +
           device + " > /sys/bus/pci/devices/" + device + "/driver/unbind; echo " + device +
           " > /sys/bus/pci/drivers_probe` as root, which takes the device from the running system at once: "
           "never do this to a disk with a mounted file system";
}

/// Names the devices that keep a group from VFIO: those of other drivers. One that has none may stay so.
template <class Kernel>
std::string obstacles(unsigned group) {
    std::vector<std::pair<std::string, std::string>> members;
    list_members<Kernel>(group, members);
    std::string text;
    for (const auto& [device, driver] : members) {
        if (driver.empty() || is_vfio(driver) || driver == "pcieport" || driver == "pci-stub") continue;
        text += (text.empty() ? "" : ", ") + device + " (" + driver + ")";
    }
    const std::string name = "IOMMU group " + std::to_string(group);
    if (text.empty())
        return "no driver that gup could name keeps " + name +
               " from VFIO: the kernel's log (dmesg) may say why";
    return "other drivers have devices of " + name + ", which VFIO takes whole: " + text + "; for each, " +
           how_to_bind("ADDRESS");
}

inline std::string how_to_pass(const std::string& path) {
    return "in a container, start it with `--device " + path +
           "`; elsewhere udev has not made it, or it was removed";
}

/// Why there is no special file for a group.
template <class Kernel>
std::string explain_missing(unsigned group) {
    const std::string number = std::to_string(group);
    std::vector<std::pair<std::string, std::string>> members;
    if (!list_members<Kernel>(group, members))
        return "there is no IOMMU group " + number +
               ": look for the device's in /sys/bus/pci/devices/ADDRESS/iommu_group; if there is none, "
               "enable "
               "the IOMMU in the firmware and with intel_iommu=on on the kernel's command line";
    std::string name;
    if (Kernel::read_text(("/sys/kernel/iommu_groups/" + number + "/name").c_str(), name) == 0 &&
        name.starts_with("vfio-noiommu"))
        return "VFIO has these devices in no-IOMMU mode, which gup does not support: their addresses are "
               "physical ones, and nothing keeps them in bounds; enable the IOMMU in the firmware and on the "
               "kernel's command line instead";
    std::string text;
    for (const auto& [device, driver] : members) {
        if (is_vfio(driver))
            return device + " of IOMMU group " + number + " is bound to " + driver +
                   ", but there is no file /dev/vfio/" + number + ": " + how_to_pass("/dev/vfio/" + number);
        text += (text.empty() ? "" : ", ") + device + " (" + (driver.empty() ? "no driver" : driver) + ")";
    }
    return "no device of IOMMU group " + number +
           " is bound to vfio-pci: bind the one that you drive, and those "
           "that have another driver, of " +
           text + "; for each, " + how_to_bind("ADDRESS");
}

/// Why there is no /dev/vfio/vfio, or nothing behind it.
template <class Kernel>
std::string explain_no_vfio() {
    std::vector<std::string> entries;
    if (Kernel::list_folder("/sys/class/misc/vfio", entries) < 0)
        return "load VFIO with `modprobe -a vfio-pci vfio_iommu_type1` as root";
    return "VFIO is loaded, but there is no file /dev/vfio/vfio: " + how_to_pass("/dev/vfio/vfio");
}

inline constexpr const char* more_files = "raise the number of open files with `ulimit -n` or fs.file-max";

/// Why a special file of VFIO that is there could not be opened.
inline std::string explain_open(const std::string& path, int error) {
    if (error == EACCES)
        return "this user may not open it: `chown $USER " + path + "` as root, or a udev rule";
    if (error == EPERM)
        return "a control group forbids this program to open it, as in a container: start that with "
               "`--device " +
               path + "`";
    if (error == EBUSY)
        return "another program, another container of this one, or a child that either forked, has it open: "
               "a "
               "group has one user at a time";
    if (error == EMFILE || error == ENFILE) return more_files;
    return "";
}

/// Why a device of a group that is attached could not be opened.
template <class Kernel>
std::string explain_device(const std::string& device, int error) {
    if (error == ENODEV && is_vfio(driver_of<Kernel>(device)))
        return "the device " + device + " is just leaving VFIO, or has come back: try again";
    if (error == ENODEV) return "the device " + device + " is not bound to vfio-pci: " + how_to_bind(device);
    if (error == EMFILE || error == ENFILE) return more_files;
    return "the driver cannot open the device " + device + ": the kernel's log (dmesg) says why";
}

} // namespace gup::inline GUP_NAMESPACE::detail
