// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `vfio_bar`: the memory of a device, mapped. Its registers are read and written here; as memory it can be
/// pinned for the other devices of its container.

#include "gup/caller_memory.hpp"
#include "gup/detail/vfio/bar_state.hpp"
#include "gup/maybe.hpp"
#include "gup/page_proxy.hpp"

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// Whether a program may write to the pages of a BAR that the device's MSI-X table is in. The kernel owns
/// that table, but does not keep programs from it: a stray write loses an interrupt, or sends it elsewhere.
enum class msix_table_pages : std::uint8_t {
    read_only,
    writable ///< for devices with registers in these pages that must be fast
};

/// A base address register of a device. A counted handle: copies share the mapping, which stays until the
/// last of them and the last pinned page of it has gone; the device is closed after that.
template <class Kernel = system_kernel>
class basic_vfio_bar {
public:
    /// One register, with one access of its width. Throws pin_error: EINVAL for a misaligned offset and one
    /// beyond the BAR, EPERM in a forked child, EACCES for a write to the pages of the MSI-X table.
    /// A device that does not decode memory (its command register says so, it sleeps in D3hot, it has been
    /// pulled out) makes the access end the program with SIGBUS, or read all ones; where a driver must
    /// survive that, it uses vfio_device::read_bar and write_bar, which throw EIO. Thread-safe as far as the
    /// device is. Accesses reach the device in the order of the program. On x86, a write also comes after the
    /// stores to ordinary memory before it, and a read before the loads after it; elsewhere a fence must come
    /// between.
    template <std::unsigned_integral T>
    T read(std::size_t offset) const {
        const T value = *at<T>(offset);
        std::atomic_signal_fence(
            std::memory_order_seq_cst); // compilers move other accesses past volatile ones
        return value;
    }
    template <std::unsigned_integral T>
    void write(std::size_t offset, T value) const {
        volatile T& written = *at<T>(offset);
        if (!state_->writable(offset)) [[unlikely]]
            state_->fail_write();
        std::atomic_signal_fence(std::memory_order_seq_cst);
        written = value;
    }

    /// The mapping, while this handle or another lives; not there in a forked child. For registers use read
    /// and write; to pin all of it, get_user_pages(domain, bar), which keeps it mapped; a part, with
    /// `provider()`.
    std::span<std::byte> memory() const noexcept { return state_->memory(); }
    std::size_t size() const noexcept { return state_->memory().size(); }
    unsigned number() const noexcept { return state_->number(); }
    /// The device that the memory is of.
    const pci_device_info& device() const noexcept { return state_->device(); }

    /// What keeps the mapping, and with it the device.
    memory_provider provider() const noexcept { return {typed_pointer(&device()), state_}; }

    // Copies only: a handle that was moved from would refer to nothing.
    basic_vfio_bar(const basic_vfio_bar&) noexcept = default;
    basic_vfio_bar& operator=(const basic_vfio_bar&) noexcept = default;
    ~basic_vfio_bar() = default;

private:
    template <class>
    friend class basic_vfio_device;
    explicit basic_vfio_bar(std::shared_ptr<detail::vfio_bar_state<Kernel>> state) noexcept
        : state_(std::move(state)) {}

    template <class T>
    volatile T* at(std::size_t offset) const {
        const std::size_t bytes = size();
        if (!state_->ours() || offset % sizeof(T) != 0 || offset > bytes || bytes - offset < sizeof(T))
            [[unlikely]]
            state_->fail_access();
        return reinterpret_cast<volatile T*>(memory().data() + offset);
    }

    std::shared_ptr<detail::vfio_bar_state<Kernel>> state_;
};

using vfio_bar = basic_vfio_bar<>;

/// Pins a whole BAR: a dynamic page whose auxiliary data names the device and whose references keep the
/// device open. It never counts as the same memory as anything else. Throws as get_user_pages of the caller's
/// memory; the kernel decides whether the container may map it. A BAR with the MSI-X table in it is no whole
/// of writable memory (EACCES): pin a part of it, `get_user_pages<dma_access::read_write>(domain,
/// bar.memory().first(n), bar.provider())`.
template <pin_domain Domain, class Kernel>
[[nodiscard("the memory must be put")]] user_page_ref<Domain, dma_access::read_write>
get_user_pages(Domain& domain, const basic_vfio_bar<Kernel>& bar) {
    static_assert(detail::pins_device_memory<Domain>,
                  "this domain cannot pin the memory of a device: only a vfio_domain maps it, for other "
                  "devices of its container");
    return get_user_pages<dma_access::read_write>(domain, bar.memory(), bar.provider());
}
template <pin_domain Domain, class Kernel>
[[nodiscard("the memory must be put")]] maybe<user_page_ref<Domain, dma_access::read_write>>
try_get_user_pages(Domain& domain, const basic_vfio_bar<Kernel>& bar, pin_failure& failure) {
    static_assert(detail::pins_device_memory<Domain>,
                  "this domain cannot pin the memory of a device: only a vfio_domain maps it, for other "
                  "devices of its container");
    return try_get_user_pages<dma_access::read_write>(domain, bar.memory(), bar.provider(), failure);
}

} // namespace gup::inline GUP_NAMESPACE
