// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `vfio_bar`: the memory of a device, mapped. Its registers are read and written here; as memory it can be
/// pinned for the other devices of its container.

#include "gup/caller_memory.hpp"
#include "gup/detail/vfio/device_state.hpp"
#include "gup/page_proxy.hpp"

#include <atomic>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <sys/mman.h>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

/// Unmapped before the device is closed.
template <class Kernel>
class vfio_bar_state {
public:
    static std::shared_ptr<vfio_bar_state> map(std::shared_ptr<vfio_device_state<Kernel>> device,
                                               unsigned number) {
        const vfio_region_info region = device->bar(number);
        if ((region.flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
            device->fail(
                "map_bar", -EOPNOTSUPP,
                "has a BAR that cannot be mapped, I/O ports or less than a page of memory: use read_bar "
                "and write_bar");
        auto made = std::make_shared<vfio_bar_state>(std::move(device), number);
        made->address_ =
            Kernel::map_file(region.size, PROT_READ | PROT_WRITE, made->device_->fd(), region.offset);
        if (made->address_ >= -4095 && made->address_ < 0)
            made->device_->fail("mmap of a BAR", static_cast<int>(made->address_), "did not map its BAR");
        made->bytes_ = region.size;
        // else a child would reach the registers, and keep the device busy after the parent has closed it
        if (const int result = Kernel::madvise(made->memory().data(), made->bytes_, MADV_DONTFORK);
            result < 0)
            made->device_->fail("madvise(MADV_DONTFORK) of a BAR", result, "did not keep it from children");
        return made;
    }

    /// For map alone.
    vfio_bar_state(std::shared_ptr<vfio_device_state<Kernel>> device, unsigned number) noexcept
        : device_(std::move(device)), number_(number) {}
    vfio_bar_state(const vfio_bar_state&) = delete;
    vfio_bar_state& operator=(const vfio_bar_state&) = delete;
    ~vfio_bar_state() {
        if (bytes_ == 0 || !device_->ours()) return; // in a child, something else may be mapped there
        if (const int result = Kernel::munmap(memory().data(), bytes_); result < 0)
            report_release_failure({"munmap", errno_code(-result), memory()});
    }

    std::span<std::byte> memory() const noexcept { return {reinterpret_cast<std::byte*>(address_), bytes_}; }
    const pci_device_info& device() const noexcept { return device_->info(); }
    unsigned number() const noexcept { return number_; }

    bool ours() const noexcept { return device_->ours(); }
    [[noreturn, gnu::cold, gnu::noinline]] void fail_access() const {
        device_->check_process("access to a BAR");
        device_->fail("access to a BAR", -EINVAL,
                      "has no such register in BAR " + std::to_string(number_) +
                          ": it must be aligned, and inside the BAR");
    }

private:
    const std::shared_ptr<vfio_device_state<Kernel>> device_;
    const unsigned number_;
    std::intptr_t address_ = -1;
    std::size_t bytes_ = 0;
};

} // namespace detail

/// A base address register of a device. A counted handle: copies share the mapping, which stays until the
/// last of them and the last pinned page of it has gone; the device is closed after that.
template <class Kernel = system_kernel>
class basic_vfio_bar {
public:
    /// One register, with one access of its width. Throws pin_error: EINVAL for a misaligned offset and one
    /// beyond the BAR, EPERM in a forked child. Thread-safe as far as the device is. Accesses reach the
    /// device in the order of the program. On x86, a write also comes after the stores to ordinary memory
    /// before it, and a read before the loads after it; elsewhere a fence must come between.
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
/// memory; the kernel decides whether the container may map it.
template <pin_domain Domain, class Kernel>
[[nodiscard("the memory must be put")]] user_page_ref<Domain, dma_access::read_write>
get_user_pages(Domain& domain, const basic_vfio_bar<Kernel>& bar) {
    static_assert(detail::pins_device_memory<Domain>,
                  "this domain cannot pin the memory of a device: only a vfio_domain maps it, for other "
                  "devices of its container");
    return get_user_pages<dma_access::read_write>(domain, bar.memory(), bar.provider());
}
template <pin_domain Domain, class Kernel>
[[nodiscard("the memory must be put")]] std::optional<user_page_ref<Domain, dma_access::read_write>>
try_get_user_pages(Domain& domain, const basic_vfio_bar<Kernel>& bar, pin_failure& failure) {
    static_assert(detail::pins_device_memory<Domain>,
                  "this domain cannot pin the memory of a device: only a vfio_domain maps it, for other "
                  "devices of its container");
    return try_get_user_pages<dma_access::read_write>(domain, bar.memory(), bar.provider(), failure);
}

} // namespace gup::inline GUP_NAMESPACE
