// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The part of pretended VFIO that is no system call of its own: which devices there are, what /sys says
/// about them, and which call fails.

#include "gup/kernel.hpp"
#include "gup_test/pretend_machine.hpp"

#include <cerrno>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace gup_test {

struct pretend_bus : gup::system_kernel {
    static inline std::map<std::string, pretend_device> devices; ///< by address
    static inline bool loaded;                                   ///< are VFIO's modules?
    static inline int calls;                                     ///< that can fail
    static inline int fail_at; ///< the number of the call that fails, from 0; -1 for none
    static inline int error;   ///< its errno

    /// Two devices in groups of their own.
    static void reset() {
        devices = {{"0000:00:04.0", {.group = 1}}, {"0000:00:05.0", {.group = 2, .vendor = 0x1b36}}};
        loaded = true;
        calls = 0;
        fail_at = -1;
        error = EIO;
    }

    static int read_link(const char* path, std::string& target) {
        const std::lock_guard guard(lock);
        if (fails()) return -error;
        for (const auto& [address, device] : devices) {
            const std::string folder = "/sys/bus/pci/devices/" + address;
            if (path == folder + "/iommu_group" && device.group != 0) {
                target = "../../../kernel/iommu_groups/" + std::to_string(device.group);
                return 0;
            }
            if (path == folder + "/driver" && !device.driver.empty()) {
                target = "../../../bus/pci/drivers/" + device.driver;
                return 0;
            }
        }
        target.clear();
        return -ENOENT;
    }
    static int list_folder(const char* path, std::vector<std::string>& names) {
        const std::lock_guard guard(lock);
        if (fails()) return -error;
        names.clear();
        for (const auto& [address, device] : devices) {
            if (path == "/sys/bus/pci/devices/" + address) names = {"config"};
            if (path == "/sys/kernel/iommu_groups/" + std::to_string(device.group) + "/devices")
                names.push_back(address);
        }
        if (loaded && path == std::string("/sys/class/misc/vfio")) names = {"dev"};
        return names.empty() ? -ENOENT : 0;
    }
    static int read_text(const char* path, std::string& text) {
        for (const auto& [address, device] : devices) {
            if (path == "/sys/bus/pci/devices/" + address + "/class") return text = device.kind, 0;
            if (device.no_iommu &&
                path == "/sys/kernel/iommu_groups/" + std::to_string(device.group) + "/name")
                return text = "vfio-noiommu\n", 0;
        }
        return system_kernel::read_text(path, text);
    }

protected:
    static inline std::mutex lock;

    static bool fails() { return calls++ == fail_at; }
};

} // namespace gup_test
