// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the handles of a container point to: its descriptor and those of its groups. The groups stay attached
/// until the last of all that was made from the container has gone, because the kernel drops every mapping
/// with the last group.

#include "gup/detail/proc_text.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/vfio/group_failure.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/vfio.h>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

template <class Kernel>
class vfio_container_state {
public:
    /// Opens /dev/vfio/vfio; null, with `failure` filled, if that cannot be. Throws std::bad_alloc.
    static std::shared_ptr<vfio_container_state> try_open(pin_failure& failure) {
        constexpr const char* path = "/dev/vfio/vfio";
        auto made = std::make_shared<vfio_container_state>();
        made->fd_ = Kernel::open(path);
        if (made->fd_ < 0) {
            std::string remedy = explain_open(path, -made->fd_);
            if (remedy.empty()) remedy = "load VFIO with `modprobe -a vfio-pci vfio_iommu_type1` as root";
            refuse(failure, -made->fd_, "open of /dev/vfio/vfio", std::move(remedy));
            return nullptr;
        }
        if (Kernel::ioctl(made->fd_, VFIO_GET_API_VERSION, nullptr) != VFIO_API_VERSION ||
            Kernel::ioctl(made->fd_, VFIO_CHECK_EXTENSION, number(VFIO_TYPE1v2_IOMMU)) != 1) {
            refuse(failure, EOPNOTSUPP, "ioctl(VFIO_CHECK_EXTENSION)",
                   "this kernel has no type 1 IOMMU for VFIO: `modprobe vfio_iommu_type1` as root");
            return nullptr;
        }
        return made;
    }

    vfio_container_state() = default;
    vfio_container_state(const vfio_container_state&) = delete;
    vfio_container_state& operator=(const vfio_container_state&) = delete;
    /// A forked child closes its descriptors too: the parent's stay open.
    ~vfio_container_state() {
        for (const attached& g : groups_) Kernel::close(g.fd);
        if (fd_ >= 0) Kernel::close(fd_);
    }

    int fd() const noexcept { return fd_; }

    /// The descriptor of a group, attached now if it is not yet; -1, with `failure` filled, if it cannot be.
    /// Thread-safe. Throws std::bad_alloc.
    int try_attach(unsigned number, pin_failure& failure) {
        if (!check_process("vfio_group", failure)) return -1;
        const std::lock_guard lock(lock_);
        for (const attached& g : groups_)
            if (g.number == number) return g.fd;
        if (in_use_) {
            refuse(failure, EBUSY, "vfio_group",
                   "the container's I/O addresses are in use, and another group may forbid some of them: "
                   "attach all groups before the first vfio_domain is made");
            return -1;
        }
        groups_.reserve(groups_.size() + 1); // what may throw comes before what would have to be undone
        tentative_group group{open_group(number, failure)};
        if (group.fd < 0 || !attach(number, group.fd, failure)) return -1;
        groups_.push_back({number, group.fd});
        return std::exchange(group.fd, -1);
    }

    /// Makes the caller the one who maps in this container; false, with `failure` filled, if there is one, or
    /// nothing can be mapped yet. Thread-safe.
    bool try_use(pin_failure& failure) {
        if (!check_process("vfio_domain", failure)) return false;
        const std::lock_guard lock(lock_);
        if (groups_.empty())
            return refuse(failure, EINVAL, "vfio_domain",
                          "the container has no group, and so no IOMMU: make a vfio_group or a "
                          "vfio_device of it first");
        if (in_use_)
            return refuse(failure, EBUSY, "vfio_domain",
                          "the container has a domain: copy that one, or open another container");
        in_use_ = true;
        return true;
    }
    void leave() noexcept {
        if (process_ != this_process()) return; // the lock may be one that nobody in this child gives back
        const std::lock_guard lock(lock_);
        in_use_ = false;
    }

private:
    struct attached {
        unsigned number;
        int fd;
    };

    /// Closed at the end, which takes it out of the container again, unless it is taken out of here.
    struct tentative_group {
        int fd;
        ~tentative_group() {
            if (fd >= 0) Kernel::close(fd);
        }
    };

    /// The kernel takes some arguments as numbers.
    static void* number(unsigned long value) noexcept { return reinterpret_cast<void*>(value); }

    /// Parent and child would map into one address space and not know of each other's mappings.
    bool check_process(const char* call, pin_failure& failure) const {
        if (process_ == this_process()) return true;
        return refuse(failure, EPERM, call,
                      "this container belongs to the parent process: open one of your own");
    }

    static int open_group(unsigned number, pin_failure& failure) {
        const std::string path = "/dev/vfio/" + std::to_string(number);
        const int fd = Kernel::open(path.c_str());
        if (fd < 0) {
            std::string remedy = explain_open(path, -fd);
            if (remedy.empty()) remedy = missing_members<Kernel>(number);
            refuse(failure, -fd, "open of a group in /dev/vfio", std::move(remedy));
        }
        return fd;
    }

    bool attach(unsigned group, int fd, pin_failure& failure) {
        vfio_group_status status{.argsz = sizeof status, .flags = 0};
        if (const int result = Kernel::ioctl(fd, VFIO_GROUP_GET_STATUS, &status); result != 0)
            return refuse(failure, errno_of(result), "ioctl(VFIO_GROUP_GET_STATUS)");
        if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
            return refuse(failure, EPERM, "vfio_group", missing_members<Kernel>(group));
        if (const int result = Kernel::ioctl(fd, VFIO_GROUP_SET_CONTAINER, &fd_); result != 0)
            return refuse(failure, errno_of(result), "ioctl(VFIO_GROUP_SET_CONTAINER)",
                          "the group cannot share an IOMMU with those attached before: use a container "
                          "for each");
        if (!groups_.empty()) return true;
        const int result = Kernel::ioctl(fd_, VFIO_SET_IOMMU, number(VFIO_TYPE1v2_IOMMU));
        if (result == 0) return true;
        return refuse(failure, errno_of(result), "ioctl(VFIO_SET_IOMMU)",
                      result == -EPERM
                          ? "the platform cannot isolate the device's interrupts: enable interrupt "
                            "remapping in the firmware, or accept the risk with `echo 1 > "
                            "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts`"
                          : "the device is behind no IOMMU that VFIO can use: enable it in the firmware");
    }

    const process_identity process_ = this_process();
    int fd_ = -1;
    std::mutex lock_; // guards all below
    std::vector<attached> groups_;
    bool in_use_ = false;
};

/// The right to map in a container, until its end. Move-only.
template <class Kernel>
class container_use {
public:
    /// Of a container whose try_use succeeded.
    explicit container_use(std::shared_ptr<vfio_container_state<Kernel>> container) noexcept
        : container_(std::move(container)) {}
    container_use(container_use&&) noexcept = default;
    container_use& operator=(container_use&&) = delete;
    // Not inline: in a std::optional that has been reset g++ 12 would take container_ for uninitialised.
    [[gnu::noinline]] ~container_use() {
        if (container_ != nullptr) container_->leave();
    }

    int fd() const noexcept { return container_->fd(); }

private:
    std::shared_ptr<vfio_container_state<Kernel>> container_;
};

/// The IOMMU group of a device of the PCI bus; empty, with `failure` filled, if it has none.
template <class Kernel>
std::optional<unsigned> find_group(const std::string& device, pin_failure& failure) {
    std::string target;
    const std::string folder = "/sys/bus/pci/devices/" + device;
    const int result = Kernel::read_link((folder + "/iommu_group").c_str(), target);
    if (result < 0) {
        std::vector<std::string> entries;
        const bool there = Kernel::list_folder(folder.c_str(), entries) == 0;
        refuse(failure, -result, "look-up of the device's IOMMU group",
               there ? "the device " + device +
                           " is behind no IOMMU: enable it in the firmware and with intel_iommu=on on the "
                           "kernel's command line"
                     : "there is no PCI device " + device +
                           ": `lspci -D` lists them, in the form 0000:00:04.0");
        return std::nullopt;
    }
    return static_cast<unsigned>(
        leading_number(std::string_view(target).substr(target.find_last_of('/') + 1)).value_or(0));
}

} // namespace gup::inline GUP_NAMESPACE::detail
