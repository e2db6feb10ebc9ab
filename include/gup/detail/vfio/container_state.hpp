// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the handles of a container point to: its descriptor and its groups. The groups stay attached until
/// the last of all that was made from the container has gone, because the kernel drops every mapping with the
/// last group. It does so too, whoever has what open, when the last device of the last group is unbound or
/// removed.

#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/proc_text.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/vfio/group_failure.hpp"

#include <algorithm>
#include <atomic>
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

/// An open group. To close it takes it out of its container, once its devices are closed too.
template <class Kernel>
struct vfio_group_state {
    explicit vfio_group_state(unsigned group) noexcept : number(group) {}
    vfio_group_state(const vfio_group_state&) = delete;
    vfio_group_state& operator=(const vfio_group_state&) = delete;
    ~vfio_group_state() {
        if (fd >= 0) Kernel::close(fd);
    }

    const unsigned number;
    int fd = -1;
};

template <class Kernel>
class vfio_container_state {
public:
    using group = vfio_group_state<Kernel>;

    /// Opens /dev/vfio/vfio; null, with `failure` filled, if that cannot be. Throws std::bad_alloc.
    static std::shared_ptr<vfio_container_state> try_open(pin_failure& failure) {
        keep_loaded();
        constexpr const char* path = "/dev/vfio/vfio";
        auto made = std::make_shared<vfio_container_state>();
        made->fd_ = Kernel::open(path);
        if (made->fd_ < 0) {
            std::string remedy = explain_open(path, -made->fd_);
            if (remedy.empty()) remedy = explain_no_vfio<Kernel>();
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
        groups_.clear();
        if (fd_ >= 0) Kernel::close(fd_);
    }

    int fd() const noexcept { return fd_; }

    /// A group, attached now if it is not yet; null, with `failure` filled, if it cannot be. Thread-safe.
    /// Throws std::bad_alloc.
    std::shared_ptr<const group> try_attach(unsigned number, pin_failure& failure) {
        if (!check_process("vfio_group", failure)) return nullptr;
        const std::lock_guard lock(lock_);
        drop_ended_groups();
        for (const auto& g : groups_)
            if (g->number == number) return g;
        keep_loaded();
        groups_.reserve(groups_.size() + 1); // what may throw comes before what would have to be undone
        const auto made = std::make_shared<group>(number);
        made->fd = open_group(number, failure);
        if (made->fd < 0 || !attach(*made, failure)) return nullptr;
        groups_.push_back(made);
        return made;
    }

    /// Makes the caller the one who maps in this container; false, with `failure` filled, if there is one, or
    /// nothing can be mapped yet. Thread-safe.
    bool try_use(pin_failure& failure) {
        if (!check_process("vfio_domain", failure)) return false;
        const std::lock_guard lock(lock_);
        drop_ended_groups();
        if (groups_.empty())
            return refuse(failure, EINVAL, "vfio_domain",
                          "the container has no group, and so no IOMMU: make a vfio_group or a "
                          "vfio_device of it first");
        if (in_use_)
            return refuse(failure, EBUSY, "vfio_domain",
                          "the container has a domain: copy that one, or open another container; one that "
                          "has lost its devices must go first, with its pools and pages");
        in_use_ = true;
        return true;
    }
    void leave() noexcept {
        if (process_ != this_process()) return; // the lock may be one that nobody in this child gives back
        const std::lock_guard lock(lock_);
        in_use_ = false;
    }

    /// How many IOMMUs the container is known to have lost, with all their mappings. Thread-safe.
    unsigned losses() const noexcept { return losses_.load(std::memory_order_acquire); }
    /// The same after a question to the kernel, if none is known after so many.
    unsigned ask_losses(unsigned known) noexcept {
        if (losses() != known || process_ != this_process()) return losses();
        if (kernel_has_iommu()) return known;
        const std::lock_guard lock(lock_);
        if (losses() == known)
            note_loss(); // else another thread noted it, and the container may have a new one
        return losses();
    }

private:
    bool kernel_has_iommu() const noexcept {
        vfio_iommu_type1_info info{};
        info.argsz = sizeof info;
        return Kernel::ioctl(fd_, VFIO_IOMMU_GET_INFO, &info) != -EINVAL;
    }
    /// The kernel takes some arguments as numbers.
    static void* number(unsigned long value) noexcept { return reinterpret_cast<void*>(value); }

    /// Parent and child would map into one address space and not know of each other's mappings.
    bool check_process(const char* call, pin_failure& failure) const {
        if (process_ == this_process()) return true;
        return refuse(failure, EPERM, call,
                      "this container belongs to the parent process: open one of your own");
    }

    /// The kernel ends a group with its last device, and then gives its number to another. A descriptor of it
    /// leads nowhere from then on.
    void drop_ended_groups() noexcept {
        std::erase_if(groups_, [](const auto& g) {
            vfio_group_status status{.argsz = sizeof status, .flags = 0};
            const int result = Kernel::ioctl(g->fd, VFIO_GROUP_GET_STATUS, &status);
            return result == -ENODEV || (result == 0 && (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET) == 0);
        });
    }
    void note_loss() noexcept {
        if (std::exchange(has_iommu_, false)) losses_.fetch_add(1, std::memory_order_release);
    }

    static int open_group(unsigned number, pin_failure& failure) {
        const std::string path = "/dev/vfio/" + std::to_string(number);
        const int fd = Kernel::open(path.c_str());
        if (fd < 0) {
            std::string remedy = explain_open(path, -fd);
            if (remedy.empty()) remedy = explain_missing<Kernel>(number);
            refuse(failure, -fd, "open of a group in /dev/vfio", std::move(remedy));
        }
        return fd;
    }

    bool attach(const group& added, pin_failure& failure) {
        vfio_group_status status{.argsz = sizeof status, .flags = 0};
        if (const int result = Kernel::ioctl(added.fd, VFIO_GROUP_GET_STATUS, &status); result != 0)
            return refuse(failure, errno_of(result), "ioctl(VFIO_GROUP_GET_STATUS)");
        if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
            return refuse(failure, EPERM, "vfio_group", obstacles<Kernel>(added.number));
        if (const int result = Kernel::ioctl(added.fd, VFIO_GROUP_SET_CONTAINER, &fd_); result != 0)
            return refuse(
                failure, errno_of(result), "ioctl(VFIO_GROUP_SET_CONTAINER)",
                result == -EBUSY || groups_.empty()
                    ? obstacles<Kernel>(added.number)
                    : "the group cannot share an IOMMU with those attached before, or its devices cannot use "
                      "I/O addresses at which memory is mapped already: use a container for each, or attach "
                      "all groups before the first vfio_domain is made");
        if (has_iommu_ && kernel_has_iommu()) return true;
        note_loss(); // if there was one
        const int result = Kernel::ioctl(fd_, VFIO_SET_IOMMU, number(VFIO_TYPE1v2_IOMMU));
        has_iommu_ = result == 0;
        if (has_iommu_) return true;
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
    std::vector<std::shared_ptr<const group>> groups_;
    bool has_iommu_ = false; // as far as is known
    bool in_use_ = false;
    std::atomic<unsigned> losses_{0}; // which is read without the lock
};

/// The right to map in a container, until its end. Move-only.
template <class Kernel>
class container_use {
public:
    /// Of a container whose try_use succeeded.
    explicit container_use(std::shared_ptr<vfio_container_state<Kernel>> container) noexcept
        : container_(std::move(container)), losses_(container_->losses()) {}
    container_use(container_use&&) noexcept = default;
    container_use& operator=(container_use&&) = delete;
    // Not inline: in a std::optional that has been reset g++ 12 would take container_ for uninitialised.
    [[gnu::noinline]] ~container_use() {
        if (container_ != nullptr) container_->leave();
    }

    int fd() const noexcept { return container_->fd(); }
    /// True if the IOMMU that this use began with is known to have gone, with every mapping. It does not come
    /// back: a later group brings another one.
    bool known_lost() const noexcept { return container_->losses() != losses_; }
    /// The same after a question to the kernel.
    bool lost() const noexcept { return container_->ask_losses(losses_) != losses_; }

private:
    std::shared_ptr<vfio_container_state<Kernel>> container_;
    unsigned losses_;
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
