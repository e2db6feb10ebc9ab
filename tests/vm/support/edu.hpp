// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// QEMU's edu device: copies memory by DMA between an I/O address and a buffer of its own.

#include "gup/domain/vfio.hpp"
#include "gup/domain/vfio_bar.hpp"
#include "gup/domain/vfio_device.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace gup_test {

inline constexpr const char* edu_address = "0000:00:04.0";
inline constexpr const char* nvme_address = "0000:00:05.0";

class edu {
public:
    /// A DMA that ends at the end of the buffer, of 4096 bytes, would end the virtual machine.
    static constexpr std::size_t most_bytes = 2048;

    explicit edu(const gup::vfio_container& container)
        : device(container, edu_address), bar_(device.map_bar(0)) {
        device.enable_bus_master();
    }
    edu() : edu(gup::vfio_container()) {}

    /// Memory at an I/O address to the device's buffer. Waits for the end.
    void fetch(std::uint64_t iova, std::size_t bytes = most_bytes) { transfer(iova, buffer, bytes, start); }
    /// The device's buffer to memory at an I/O address. Waits for the end.
    void store(std::uint64_t iova, std::size_t bytes = most_bytes) {
        transfer(buffer, iova, bytes, start | from_device);
    }
    /// As store, but interrupts at the end.
    void store_and_interrupt(std::uint64_t iova, std::size_t bytes = most_bytes) {
        transfer(buffer, iova, bytes, start | from_device | interrupts);
    }
    void acknowledge_interrupt() { bar_.write<std::uint32_t>(0x64, bar_.read<std::uint32_t>(0x24)); }
    const gup::vfio_bar& bar() const noexcept { return bar_; }

    gup::vfio_device device;

private:
    static constexpr std::uint64_t buffer = 0x40000;
    static constexpr std::uint64_t start = 1, from_device = 2, interrupts = 4;

    void transfer(std::uint64_t from, std::uint64_t to, std::size_t bytes, std::uint64_t command) {
        bar_.write<std::uint64_t>(0x80, from);
        bar_.write<std::uint64_t>(0x88, to);
        bar_.write<std::uint64_t>(0x90, bytes);
        bar_.write<std::uint64_t>(0x98, command);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while ((bar_.read<std::uint64_t>(0x98) & start) != 0)
            if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("edu does not answer");
    }

    gup::vfio_bar bar_;
};

} // namespace gup_test
