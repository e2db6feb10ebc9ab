// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A kernel policy with pretended devices and VFIO with a type 1 IOMMU of version 2: for what no machine can
/// be brought to do, and to run where there is no IOMMU.

#include "gup/kernel.hpp"
#include "gup_test/pretend_bus.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace gup_test {

/// The calls are thread-safe; tests look at the state when no other thread calls.
struct pretend_vfio : pretend_bus {
    /// What a descriptor leads to.
    struct opened {
        enum { container, group, device } kind = container;
        std::shared_ptr<pretend_iommu> iommu{}; ///< of containers, and of groups that are attached
        unsigned group_number = 0;              ///< 0 once the group has ended
        std::string address{};
    };

    // The machine.
    static inline std::uint64_t page_sizes;
    static inline std::vector<pretend_iommu::window> windows;
    static inline std::map<unsigned, std::vector<pretend_iommu::window>>
        group_windows; ///< of those with fewer
    static inline std::size_t entry_limit;
    static inline std::uint64_t limit; ///< RLIMIT_MEMLOCK
    static inline bool reports_windows, reports_entries, has_type1;

    // What happened.
    static inline std::map<int, opened> descriptors;
    static inline std::map<std::uintptr_t, std::size_t> bars; ///< bytes mapped, by address
    static inline std::vector<std::string> log;               ///< what was closed, mapped and unmapped
    static inline std::map<unsigned long, int> ioctls;        ///< how many, by request
    static inline std::size_t populated;                      ///< bytes

    // What goes wrong.
    static inline std::map<unsigned long, int> refuse;   ///< an errno for the next ioctl of a request
    static inline std::map<unsigned long, int> count;    ///< what the next one answers, having done nothing
    static inline std::map<std::string, int> unopenable; ///< an errno by path
    static inline std::optional<std::uint64_t> next_unmap_reports; ///< it does nothing but that
    static inline int refused_advice;                              ///< of madvise, with ENOMEM; -1 for none

    /// Two devices, and the addresses that an Intel IOMMU of 39 bits translates.
    static void reset() {
        pretend_bus::reset();
        page_sizes = ~std::uint64_t{4095};
        windows = {{0, 0xfedf'ffff}, {0xfef0'0000, 0x7f'ffff'ffff}};
        group_windows.clear();
        entry_limit = 65535;
        limit = std::numeric_limits<std::uint64_t>::max();
        reports_windows = reports_entries = has_type1 = true;
        descriptors.clear();
        bars.clear();
        unopenable.clear();
        next_unmap_reports.reset();
        forget_calls();
        refuse.clear();
        count.clear();
        refused_advice = -1;
    }
    static void forget_calls() {
        log.clear();
        ioctls.clear();
        populated = 0;
        calls = 0;
    }

    /// The mappings of the only container.
    static std::map<std::uint64_t, pretend_iommu::mapping> mappings() {
        std::map<std::uint64_t, pretend_iommu::mapping> all;
        for (const auto& [fd, one] : descriptors)
            if (one.iommu != nullptr) all.insert(one.iommu->mappings.begin(), one.iommu->mappings.end());
        return all;
    }
    /// The last device of a group is unbound or removed: nobody has it open, but the group itself may be.
    static void end_group(unsigned number) {
        const std::lock_guard guard(lock);
        for (auto& [fd, one] : descriptors) {
            if (one.kind != opened::group || one.group_number != number) continue;
            const opened ended = std::exchange(one, {.kind = opened::group});
            leave(ended);
        }
    }
    static bool nothing_left() { return descriptors.empty() && bars.empty(); }

    static int open(const char* path) {
        const std::lock_guard guard(lock);
        if (fails()) return -error;
        if (const auto found = unopenable.find(path); found != unopenable.end()) return -found->second;
        if (path == std::string("/dev/vfio/vfio")) return add({.iommu = std::make_shared<pretend_iommu>()});
        const auto number = static_cast<unsigned>(std::stoul(std::string(path).substr(10)));
        if (std::none_of(devices.begin(), devices.end(), [&](const auto& d) {
                return d.second.group == number && d.second.driver == "vfio-pci" && !d.second.no_iommu;
            }))
            return -ENOENT;
        for (const auto& [fd, other] : descriptors)
            if (other.kind == opened::group && other.group_number == number) return -EBUSY;
        return add({.kind = opened::group, .group_number = number});
    }
    static int close(int fd) {
        const std::lock_guard guard(lock);
        const auto found = descriptors.find(fd);
        if (found == descriptors.end()) return system_kernel::close(fd);
        const opened closed = found->second;
        descriptors.erase(found);
        constexpr std::array<const char*, 3> names{"container", "group ", "device "};
        log.push_back(std::string("close ") + names.at(closed.kind) +
                      (closed.kind == opened::group ? std::to_string(closed.group_number) : closed.address));
        if (closed.group_number != 0 && closed.kind != opened::container) leave(closed);
        return 0;
    }
    static int ioctl(int fd, unsigned long request, void* argument) {
        const std::lock_guard guard(lock);
        ++ioctls[request];
        if (fails()) return -error;
        if (const auto refused = refuse.find(request); refused != refuse.end()) {
            const int result = -refused->second;
            refuse.erase(refused);
            return result;
        }
        if (const auto counted = count.find(request); counted != count.end()) {
            const int result = counted->second;
            count.erase(counted);
            return result;
        }
        const auto found = descriptors.find(fd);
        if (found == descriptors.end()) return -EBADF;
        switch (found->second.kind) {
        case opened::container:
            return container_ioctl(*found->second.iommu, request, argument);
        case opened::group:
            return group_ioctl(found->second, request, argument);
        case opened::device:
            return devices.at(found->second.address).ioctl(request, argument);
        }
        return -ENOTTY;
    }

    static std::intptr_t map_file(std::size_t bytes, int protection, int fd, std::uint64_t) {
        const std::lock_guard guard(lock);
        if (fails()) return -error;
        if (!descriptors.contains(fd) || descriptors[fd].kind != opened::device) return -ENODEV;
        const std::intptr_t address = system_kernel::mmap(bytes, protection, MAP_SHARED | MAP_ANONYMOUS, -1);
        if (address > 0) bars[static_cast<std::uintptr_t>(address)] = bytes;
        return address;
    }
    static int munmap(void* address, std::size_t bytes) {
        const std::lock_guard guard(lock);
        const auto found = bars.find(reinterpret_cast<std::uintptr_t>(address));
        if (found == bars.end()) return system_kernel::munmap(address, bytes);
        log.emplace_back("munmap BAR");
        if (fails()) return -error;
        bars.erase(found);
        return system_kernel::munmap(address, bytes);
    }
    static int madvise(void* address, std::size_t bytes, int advice) {
        constexpr int populate_write = 23;
        if (advice == refused_advice) return -ENOMEM;
        if (advice != populate_write) return system_kernel::madvise(address, bytes, advice);
        const std::lock_guard guard(lock);
        populated += bytes; // of memory that may not be there
        return 0;
    }
    static ssize_t pread(int fd, void* into, std::size_t bytes, std::uint64_t offset) {
        const std::lock_guard guard(lock);
        if (fails()) return -error;
        std::memcpy(into,
                    config_of(fd).data() +
                        (offset - pretend_device::region_offset(VFIO_PCI_CONFIG_REGION_INDEX)),
                    bytes);
        return static_cast<ssize_t>(bytes);
    }
    static ssize_t pwrite(int fd, const void* from, std::size_t bytes, std::uint64_t offset) {
        const std::lock_guard guard(lock);
        if (fails()) return -error;
        std::memcpy(config_of(fd).data() +
                        (offset - pretend_device::region_offset(VFIO_PCI_CONFIG_REGION_INDEX)),
                    from, bytes);
        return static_cast<ssize_t>(bytes);
    }

    static int memlock_limit(std::uint64_t& bytes) {
        bytes = limit;
        return 0;
    }
    static int query_maps(gup::detail::page_range, std::string&) noexcept { return -ENOTTY; }
    static int read_text(const char* path, std::string& text) {
        if (path == std::string("/proc/thread-self/status")) {
            const std::lock_guard guard(lock);
            std::uint64_t charged = 0;
            for (const auto& [iova, one] : mappings()) charged += one.bytes;
            text = "VmLck:\t" + std::to_string(charged / 1024) +
                   " kB\nVmPin:\t0 kB\nCapEff:\t0000000000000000\n";
            return 0;
        }
        const int result = pretend_bus::read_text(path, text);
        return result == 0 && path == std::string("/proc/self/maps") ? name_bars(text) : result;
    }

private:
    static inline int next_fd = 100'000; // far from those of the process

    static int add(opened made) {
        descriptors[next_fd] = std::move(made);
        return next_fd++;
    }
    static std::array<std::byte, 256>& config_of(int fd) {
        return devices.at(descriptors.at(fd).address).config;
    }
    /// A group stays in its container until all its descriptors and those of its devices are closed.
    static void leave(const opened& closed) {
        for (const auto& [fd, other] : descriptors)
            if (other.kind != opened::container && other.group_number == closed.group_number) return;
        if (closed.iommu == nullptr) return;
        closed.iommu->groups.erase(closed.group_number);
        if (!closed.iommu->groups.empty()) return;
        if (!closed.iommu->mappings.empty()) log.emplace_back("mappings dropped");
        closed.iommu->mappings.clear();
        closed.iommu->enabled = false;
    }
    /// All BARs of all devices are of one file that has no content of its own.
    static int name_bars(std::string& text) {
        std::istringstream lines(text);
        text.clear();
        for (std::string line; std::getline(lines, line);) {
            const auto begin = static_cast<std::uintptr_t>(std::stoull(line, nullptr, 16));
            const auto after = bars.upper_bound(begin);
            if (after != bars.begin() && begin < std::prev(after)->first + std::prev(after)->second)
                line = line.substr(0, line.find(' ')) + line.substr(line.find(' '), 3) +
                       "-s 20000000000 00:0d 13 anon_inode:[vfio-device]";
            text += line + '\n';
        }
        return 0;
    }

    static const std::vector<pretend_iommu::window>& windows_with(unsigned group) {
        const auto own = group_windows.find(group);
        return own != group_windows.end() ? own->second : windows;
    }
    static const std::vector<pretend_iommu::window>& windows_of(const pretend_iommu& iommu) {
        for (const unsigned group : iommu.groups)
            if (group_windows.contains(group)) return windows_with(group);
        return windows;
    }
    static void* argument_for(unsigned long number) { return reinterpret_cast<void*>(number); }
    static int container_ioctl(pretend_iommu& iommu, unsigned long request, void* argument) {
        switch (request) {
        case VFIO_GET_API_VERSION:
            return VFIO_API_VERSION;
        case VFIO_CHECK_EXTENSION:
            return has_type1 && argument == argument_for(VFIO_TYPE1v2_IOMMU) ? 1 : 0;
        case VFIO_SET_IOMMU:
            if (iommu.groups.empty() || iommu.enabled) return -EINVAL;
            iommu.enabled = true;
            return 0;
        }
        if (!iommu.enabled) return -EINVAL;
        const std::uint64_t granule = page_sizes & (~page_sizes + 1);
        switch (request) {
        case VFIO_IOMMU_GET_INFO:
            return answer_info(argument, page_sizes,
                               reports_windows ? windows_of(iommu) : std::vector<pretend_iommu::window>{},
                               reports_entries ? std::optional(static_cast<std::uint32_t>(
                                                     entry_limit - iommu.mappings.size()))
                                               : std::nullopt);
        case VFIO_IOMMU_MAP_DMA:
            log.emplace_back("map");
            return iommu.map(*static_cast<const vfio_iommu_type1_dma_map*>(argument), granule,
                             windows_of(iommu), entry_limit, limit);
        case VFIO_IOMMU_UNMAP_DMA: {
            log.emplace_back("unmap");
            auto& unmap = *static_cast<vfio_iommu_type1_dma_unmap*>(argument);
            if (!next_unmap_reports) return iommu.unmap(unmap, granule);
            unmap.size = *next_unmap_reports;
            next_unmap_reports.reset();
            return 0;
        }
        }
        return -ENOTTY;
    }
    static int group_ioctl(opened& group, unsigned long request, void* argument) {
        if (group.group_number == 0) return -ENODEV;
        switch (request) {
        case VFIO_GROUP_GET_STATUS: {
            auto& status = *static_cast<vfio_group_status*>(argument);
            status.flags = VFIO_GROUP_FLAGS_VIABLE | (group.iommu ? VFIO_GROUP_FLAGS_CONTAINER_SET : 0U);
            for (const auto& [address, device] : devices)
                if (device.group == group.group_number && !device.driver.empty() &&
                    device.driver != "vfio-pci" && device.driver != "pcieport" && device.driver != "pci-stub")
                    status.flags &= ~std::uint32_t{VFIO_GROUP_FLAGS_VIABLE};
            return 0;
        }
        case VFIO_GROUP_SET_CONTAINER: {
            const auto container = descriptors.find(*static_cast<const int*>(argument));
            if (group.iommu != nullptr || container == descriptors.end()) return -EINVAL;
            for (const auto& [iova, one] : container->second.iommu->mappings)
                if (!one.inside(windows_with(group.group_number))) return -EINVAL;
            group.iommu = container->second.iommu;
            group.iommu->groups.insert(group.group_number);
            return 0;
        }
        case VFIO_GROUP_GET_DEVICE_FD: {
            const std::string address = static_cast<const char*>(argument);
            const auto device = devices.find(address);
            if (group.iommu == nullptr || !group.iommu->enabled) return -EINVAL;
            if (device == devices.end() || device->second.driver != "vfio-pci" ||
                device->second.group != group.group_number)
                return -ENODEV;
            device->second.open();
            return add({opened::device, group.iommu, group.group_number, address});
        }
        }
        return -ENOTTY;
    }
};

} // namespace gup_test
