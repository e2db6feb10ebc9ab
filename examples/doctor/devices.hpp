// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Checks of the ways to give pinned pages to a device: VFIO, iommufd, RDMA. No device node is opened,
/// because opening one may load a kernel module.

#include "finding.hpp"

#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace doctor {

inline bool may_use(const std::string& node) { return ::access(node.c_str(), R_OK | W_OK) == 0; }
inline bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

/// A device node: there and usable, there and forbidden, or not there.
inline finding check_node(std::string subject, const std::string& node, std::string if_missing) {
    if (!exists(node))
        return {status::missing, std::move(subject), node + " is not there", std::move(if_missing)};
    if (may_use(node)) return {status::ok, std::move(subject), node + " may be opened", {}};
    return {
        status::limited, std::move(subject), node + " may not be opened by this user",
        "a udev rule that gives the node to a group of this user, or `chown` as root until the next boot"};
}

constexpr auto see_iommu = "see IOMMU above: nothing can be given to VFIO without one";

inline finding check_iommu() {
    const auto groups = names_in("/sys/kernel/iommu_groups");
    if (!groups.empty()) return {status::ok, "IOMMU", std::to_string(groups.size()) + " groups", {}};
    return {
        status::missing, "IOMMU", "no groups in /sys/kernel/iommu_groups",
        "enable VT-d or AMD-Vi in the firmware and boot with `intel_iommu=on` (Intel) or `amd_iommu=on`; a "
        "virtual machine needs a virtual one"};
}

/// One row for each PCI device that the vfio-pci driver has.
inline std::vector<finding> check_vfio_devices(bool iommu) {
    std::vector<finding> rows;
    const std::string driver = "/sys/bus/pci/drivers/vfio-pci/";
    for (const auto& name : names_in(driver)) {
        if (name.find(':') == name.npos || name.find('.') == name.npos)
            continue; // 0000:01:00.0, not bind or module
        std::error_code none;
        const auto group =
            std::filesystem::read_symlink(driver + name + "/iommu_group", none).filename().string();
        if (group.empty())
            rows.push_back({status::limited, "VFIO device " + name,
                            "bound to vfio-pci, but in no IOMMU group", "see IOMMU above"});
        else
            rows.push_back(check_node("VFIO device " + name, "/dev/vfio/" + group, "load the vfio module"));
    }
    if (rows.empty() && !iommu)
        rows.push_back({status::missing, "VFIO devices", "none is bound to vfio-pci", see_iommu});
    else if (rows.empty())
        rows.push_back(
            {status::missing, "VFIO devices", "none is bound to vfio-pci",
             "as root: `modprobe vfio-pci`, `echo vfio-pci > /sys/bus/pci/devices/ADDRESS/driver_override`, "
             "unbind it from its driver, `echo ADDRESS > /sys/bus/pci/drivers_probe`"});
    return rows;
}

/// One row for each port of each RDMA device.
inline std::vector<finding> check_rdma() {
    std::vector<finding> rows;
    const std::string directory = "/sys/class/infiniband/";
    for (const auto& name : names_in(directory)) {
        const std::string ports = directory + name + "/ports/";
        for (const auto& port : names_in(ports)) {
            const std::string state = read_line(ports + port + "/state"); // "4: ACTIVE"
            finding row{status::ok,
                        "RDMA " + name + " port " + port,
                        read_line(ports + port + "/link_layer") + ", " + state,
                        {}};
            if (state.find("ACTIVE") == state.npos) {
                row.state = status::limited;
                row.next = "bring its network interface up, or connect the cable and start a subnet manager";
            }
            rows.push_back(row);
        }
    }
    for (const auto& node : names_in("/dev/infiniband"))
        if (node.starts_with("uverbs"))
            rows.push_back(check_node("RDMA " + node, "/dev/infiniband/" + node, {}));
    if (rows.empty())
        rows.push_back({status::missing, "RDMA devices", "none",
                        "software RDMA for trials, as root: `modprobe rdma_rxe` and "
                        "`rdma link add rxe0 type rxe netdev INTERFACE`"});
    return rows;
}

inline void check_devices(std::vector<finding>& report) {
    report.push_back(check_iommu());
    const bool iommu = report.back().state == status::ok;
    report.push_back(check_node("VFIO", "/dev/vfio/vfio", iommu ? "`modprobe vfio-pci` as root" : see_iommu));
    report.push_back(check_node("iommufd", "/dev/iommu",
                                iommu ? "`modprobe iommufd` as root, Linux 6.2 or later" : see_iommu));
    for (auto& row : check_vfio_devices(iommu)) report.push_back(std::move(row));
    for (auto& row : check_rdma()) report.push_back(std::move(row));
}

} // namespace doctor
