// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the handles of a BAR point to: its mapping, of which the page with the MSI-X table cannot be written
/// to.

#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/vfio/device_state.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <sys/mman.h>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// Bytes of a BAR from `first` on, up to `end`.
struct bar_part {
    unsigned bar;
    std::uint64_t first, end;
};

/// The MSI-X table of a device; none if it has none. Reads the configuration space; throws EIO if that fails.
template <class Kernel>
std::optional<bar_part> find_msix_table(const vfio_device_state<Kernel>& device) {
    const auto read = [&](auto value, unsigned offset) {
        return device.template read<decltype(value)>(device.config(), offset);
    };
    if ((read(std::uint16_t{}, PCI_STATUS) & PCI_STATUS_CAP_LIST) == 0) return std::nullopt;
    constexpr int most = (256 - 64) / 4; // that have room: a chain that turns back ends
    unsigned at = read(std::uint8_t{}, PCI_CAPABILITY_LIST) & ~3U;
    for (int seen = 0; at >= 64 && seen < most; ++seen) {
        if (read(std::uint8_t{}, at) == PCI_CAP_ID_MSIX && at <= 256 - PCI_CAP_MSIX_SIZEOF) {
            const std::uint64_t entries =
                (read(std::uint16_t{}, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1U;
            const auto place = read(std::uint32_t{}, at + PCI_MSIX_TABLE);
            const std::uint64_t first = place & PCI_MSIX_TABLE_OFFSET;
            return bar_part{place & PCI_MSIX_TABLE_BIR, first, first + entries * PCI_MSIX_ENTRY_SIZE};
        }
        at = read(std::uint8_t{}, at + PCI_CAP_LIST_NEXT) & ~3U;
    }
    return std::nullopt;
}

/// Unmapped before the device is closed.
template <class Kernel>
class vfio_bar_state {
public:
    static std::shared_ptr<vfio_bar_state> map(std::shared_ptr<vfio_device_state<Kernel>> device,
                                               unsigned number, bool protect_table) {
        const vfio_region_info region = device->bar(number);
        if ((region.flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
            device->fail(
                "map_bar", -EOPNOTSUPP,
                "has a BAR that cannot be mapped, I/O ports or less than a page of memory: use read_bar "
                "and write_bar");
        keep_loaded();
        auto made = std::make_shared<vfio_bar_state>(std::move(device), number);
        if (protect_table) made->find_read_only(region.size);
        made->address_ =
            Kernel::map_file(region.size, PROT_READ | PROT_WRITE, made->device_->fd(), region.offset);
        if (made->address_ >= -4095 && made->address_ < 0)
            made->device_->fail("mmap of a BAR", static_cast<int>(made->address_), "did not map its BAR");
        made->bytes_ = region.size;
        made->protect();
        return made;
    }

    /// For map alone.
    vfio_bar_state(std::shared_ptr<vfio_device_state<Kernel>> device, unsigned number) noexcept
        : device_(std::move(device)), number_(number) {}
    vfio_bar_state(const vfio_bar_state&) = delete;
    vfio_bar_state& operator=(const vfio_bar_state&) = delete;
    ~vfio_bar_state() {
        if (bytes_ == 0 || !ours()) return; // in a child, something else may be mapped there
        if (const int result = Kernel::munmap(memory().data(), bytes_); result < 0)
            report_release_failure({"munmap", errno_code(-result), memory()});
    }

    std::span<std::byte> memory() const noexcept { return {reinterpret_cast<std::byte*>(address_), bytes_}; }
    const pci_device_info& device() const noexcept { return device_->info(); }
    unsigned number() const noexcept { return number_; }

    bool ours() const noexcept { return device_->ours(); }
    /// May a register be written to that is inside the BAR?
    bool writable(std::size_t offset) const noexcept { return offset - read_only_ >= read_only_bytes_; }

    [[noreturn, gnu::cold, gnu::noinline]] void fail_access() const {
        device_->check_process("access to a BAR");
        device_->fail("access to a BAR", -EINVAL,
                      "has no such register in BAR " + std::to_string(number_) +
                          ": it must be aligned, and inside the BAR");
    }
    [[noreturn, gnu::cold, gnu::noinline]] void fail_write() const {
        device_->fail("write to a BAR", -EACCES,
                      "has its MSI-X table, which is the kernel's, in these pages of BAR " +
                          std::to_string(number_) +
                          ": write other registers there with write_bar, or map_bar with "
                          "msix_table_pages::writable");
    }

private:
    void find_read_only(std::size_t bytes) {
        const auto table = find_msix_table(*device_);
        if (!table || table->bar != number_) return;
        const std::uint64_t page = Kernel::page_size();
        const std::uint64_t end = std::min<std::uint64_t>((table->end + page - 1) / page * page, bytes);
        read_only_ = table->first / page * page;
        read_only_bytes_ = end > read_only_ ? end - read_only_ : 0;
    }
    void protect() const {
        // a child would reach the registers, and keep the device busy after the parent has closed it
        if (const int result = Kernel::madvise(memory().data(), bytes_, MADV_DONTFORK); result < 0)
            device_->fail("madvise(MADV_DONTFORK) of a BAR", result, "did not keep it from children");
        if (read_only_bytes_ == 0) return;
        const auto part = memory().subspan(read_only_, read_only_bytes_);
        if (const int result = Kernel::mprotect(part.data(), part.size(), PROT_READ); result < 0)
            device_->fail("mprotect of a BAR", result, "did not keep its MSI-X table from being written to");
    }

    const std::shared_ptr<vfio_device_state<Kernel>> device_;
    const unsigned number_;
    std::intptr_t address_ = -1;
    std::size_t bytes_ = 0;
    std::size_t read_only_ = 0; // the first byte of these pages
    std::size_t read_only_bytes_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
