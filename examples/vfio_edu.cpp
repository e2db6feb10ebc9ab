// SPDX-License-Identifier: BSL-1.0
// Has a device copy memory by DMA: QEMU's edu device, which exists for learning this. It reads one page into
// a buffer of its own and writes the buffer to another page; an interrupt says when.
//
//     vfio_edu DEVICE

#include "common/command_line.hpp"
#include "common/event.hpp"

#include "gup/page_pool.hpp"
#include "gup/vfio.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr auto help = "Usage: vfio_edu DEVICE\n"
                      "Copies a page by DMA through the buffer of QEMU's edu device, and compares.\n"
                      "DEVICE is its PCI address, as in 0000:00:04.0, and bound to vfio-pci.\n"
                      "Exit status: 0 if the copy is right, 1 if not, 2 for a wrong command line.\n";

using domain = gup::vfio_domain<>;
using page = gup::user_page_ref<domain>;

/// The device.
class edu {
public:
    explicit edu(const std::string& address) : device_(checked(address)), registers_(device_.map_bar(0)) {
        const int vectors[] = {interrupt_.fd()};
        device_.enable_msi(vectors);
        device_.enable_bus_master();
    }

    const gup::vfio_container& container() const noexcept { return device_.container(); }

    /// The device reads, or writes, `bytes` bytes of memory. Throws if it does not say in time that it has.
    void read_memory(std::uint64_t from) { run(from, buffer, start | interrupt); }
    void write_memory(std::uint64_t to) { run(buffer, to, start | to_memory | interrupt); }
    /// No DMA after this.
    void stop() const { device_.disable_bus_master(); }

    /// It drops the higher bits of addresses, unless QEMU's dma_mask tells it otherwise.
    static constexpr unsigned address_bits = 28;
    /// Of one transfer: half of the buffer.
    static constexpr std::size_t bytes = 2048;

private:
    static constexpr std::uint64_t buffer = 0x40000;
    static constexpr std::uint64_t start = 1, to_memory = 2, interrupt = 4;
    enum offset : std::size_t { // in BAR 0
        interrupt_status = 0x24,
        interrupt_acknowledge = 0x64,
        dma_source = 0x80,
        dma_destination = 0x88,
        dma_count = 0x90,
        dma_command = 0x98
    };

    static gup::vfio_device checked(const std::string& address) {
        gup::vfio_device found(address);
        if (found.info().vendor != 0x1234 || found.info().device != 0x11e8)
            throw std::runtime_error(address + " is another device, not QEMU's edu");
        return found;
    }

    void run(std::uint64_t from, std::uint64_t to, std::uint64_t command) {
        registers_.write<std::uint64_t>(dma_source, from);
        registers_.write<std::uint64_t>(dma_destination, to);
        registers_.write<std::uint64_t>(dma_count, bytes);
        std::atomic_thread_fence(
            std::memory_order_release); // the memory is written before the device is told
        registers_.write<std::uint64_t>(dma_command, command);
        if (!interrupt_.wait(std::chrono::seconds(10))) // it takes 0.1
            throw std::runtime_error("the device does not say that its transfer is done");
        std::atomic_thread_fence(std::memory_order_acquire);
        registers_.write(interrupt_acknowledge, registers_.read<std::uint32_t>(interrupt_status));
    }

    gup::vfio_device device_;
    gup::vfio_bar registers_;
    examples::event interrupt_;
};

/// Copies one page to another. Both are the device's meanwhile; if it fails, it is stopped before it loses
/// them.
void copy(edu& device, page& from, page& to) {
    enum : std::uint64_t { source, target };
    const std::size_t size = from.size();
    auto lent_from = gup::start_dma_to_device(std::move(from), source);
    auto lent_to = gup::start_dma_from_device(std::move(to), target);
    const auto take_back = [&] {
        from = gup::complete(std::move(lent_from), source);
        to = gup::complete(std::move(lent_to), target);
    };
    try {
        for (std::size_t at = 0; at < size; at += edu::bytes) {
            device.read_memory(gup::iova(lent_from) + at);
            device.write_memory(gup::iova(lent_to) + at);
        }
    } catch (...) {
        device.stop();
        take_back();
        throw;
    }
    take_back();
}

int run(const std::string& address) {
    edu device(address);
    gup::page_pool pool(domain(device.container(), {.address_bits = edu::address_bits}), {.pages = 2});
    page from = gup::get_user_page(pool);
    page to = gup::get_user_page(pool);
    for (std::size_t i = 0; i < from.size(); ++i) from.bytes()[i] = static_cast<std::byte>(i * 31 + i / 256);
    std::fill(to.bytes().begin(), to.bytes().end(), std::byte{0});

    copy(device, from, to);

    const bool same = std::equal(from.bytes().begin(), from.bytes().end(), to.bytes().begin());
    if (!same) throw std::runtime_error("the copy differs");
    std::printf("%zu bytes copied by %s, from I/O address %#llx to %#llx\n", to.size(), address.c_str(),
                static_cast<unsigned long long>(gup::iova(from)),
                static_cast<unsigned long long>(gup::iova(to)));
    gup::put_user_page(std::move(from), gup::dirty);
    gup::put_user_page(std::move(to), gup::clean);
    return EXIT_SUCCESS;
}

} // namespace

int main(int count, char** arguments) {
    return examples::run("vfio_edu", [&] {
        if (count == 2 && arguments[1] == std::string_view("--help"))
            return std::fputs(help, stdout), EXIT_SUCCESS;
        if (count != 2 || arguments[1][0] == '-')
            throw examples::usage_error("the PCI address of one device is needed");
        return run(arguments[1]);
    });
}
