// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `vfio_container` and `vfio_group`: the address space that devices share, and the smallest sets of devices
/// that the IOMMU can keep apart. Whoever drives a single device needs neither: vfio_device finds its group.

#include "gup/detail/vfio/container_state.hpp"
#include "gup/kernel.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

template <class Kernel>
class basic_vfio_group;
template <class Kernel>
class basic_vfio_device;
template <class Tag, class Kernel>
class [[gnu::visibility("default")]] vfio_domain;

/// An IOMMU address space (/dev/vfio/vfio, type 1). A counted handle: copies share it. Closed when the last
/// of all that was made from it has gone: groups, devices, domains, pinned pages. Thread-safe. A forked child
/// can attach no group to it and make no domain of it (EPERM); as long as the child has it open, nobody else
/// can have its groups.
template <class Kernel = system_kernel>
class basic_vfio_container {
    using state = detail::vfio_container_state<Kernel>;

public:
    /// Opens a new one. Throws pin_error: ENOENT or ENODEV if VFIO is not loaded or not passed to this
    /// program's container, EACCES or EPERM without permission, EOPNOTSUPP without a type 1 IOMMU.
    basic_vfio_container() {
        pin_failure failure;
        state_ = state::try_open(failure);
        if (state_ == nullptr) detail::throw_failure(std::move(failure));
    }
    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("this opens a container")]] static std::optional<basic_vfio_container>
    try_make(pin_failure& failure) {
        failure = {};
        auto made = state::try_open(failure);
        if (made == nullptr) return std::nullopt;
        return basic_vfio_container(std::move(made));
    }

    /// The descriptor of /dev/vfio/vfio, for what gup does not do. It stays ours.
    int descriptor() const noexcept { return state_->fd(); }

    friend bool operator==(const basic_vfio_container&, const basic_vfio_container&) noexcept = default;

    // Copies only: a handle that was moved from would refer to nothing.
    basic_vfio_container(const basic_vfio_container&) noexcept = default;
    basic_vfio_container& operator=(const basic_vfio_container&) noexcept = default;
    ~basic_vfio_container() = default;

private:
    friend class basic_vfio_group<Kernel>;
    friend class basic_vfio_device<Kernel>;
    template <class Tag, class Policy>
    friend class vfio_domain;
    explicit basic_vfio_container(std::shared_ptr<state> made) noexcept : state_(std::move(made)) {}

    std::shared_ptr<state> state_;
};

using vfio_container = basic_vfio_container<>;

/// A group of devices (/dev/vfio/NUMBER), attached to a container until that is closed, or the last device of
/// the group is unbound or removed, which ends the group: this handle then leads nowhere, and another is made
/// for devices that come back. A counted handle. Thread-safe.
template <class Kernel = system_kernel>
class basic_vfio_group {
public:
    /// Attaches a group; one that is attached to this container already is shared. The first group decides
    /// the container's IOMMU. Throws pin_error: ENOENT if none of its devices is bound to VFIO, or its file
    /// is not there; EPERM if other drivers have some, naming those; EACCES or EPERM without permission;
    /// EBUSY if another container has it; EINVAL if it cannot share the container's IOMMU or what a domain
    /// has mapped there.
    basic_vfio_group(basic_vfio_container<Kernel> container, unsigned number)
        : basic_vfio_group(make_or_throw(std::move(container), number)) {}
    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("this attaches a group")]] static std::optional<basic_vfio_group>
    try_make(basic_vfio_container<Kernel> container, unsigned number, pin_failure& failure) {
        failure = {};
        auto attached = container.state_->try_attach(number, failure);
        if (attached == nullptr) return std::nullopt;
        return basic_vfio_group(std::move(container), std::move(attached));
    }

    /// Its name in /sys/kernel/iommu_groups.
    unsigned number() const noexcept { return state_->number; }
    /// The descriptor of /dev/vfio/NUMBER, for what gup does not do. It stays ours.
    int descriptor() const noexcept { return state_->fd; }
    const basic_vfio_container<Kernel>& container() const noexcept { return container_; }

private:
    using state = detail::vfio_group_state<Kernel>;

    basic_vfio_group(basic_vfio_container<Kernel> container, std::shared_ptr<const state> attached) noexcept
        : container_(std::move(container)), state_(std::move(attached)) {}
    static basic_vfio_group make_or_throw(basic_vfio_container<Kernel> container, unsigned number) {
        pin_failure failure;
        if (auto made = try_make(std::move(container), number, failure)) return std::move(*made);
        detail::throw_failure(std::move(failure));
    }

    basic_vfio_container<Kernel> container_;
    std::shared_ptr<const state> state_;
};

using vfio_group = basic_vfio_group<>;

} // namespace gup::inline GUP_NAMESPACE
