// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The way to a controller: its registers, its interrupts, and waiting for it with a limit.

#include "../common/event.hpp"
#include "registers.hpp"
#include "status.hpp"

#include "gup/domain/vfio_device.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace nvme {

using clock = std::chrono::steady_clock;

/// Shared by the controller and its queues. Outlives both, and the memory that they use.
class port {
public:
    /// With an interrupt vector for the administrator's queue and one for each of the others.
    port(const std::string& address, unsigned queues)
        : device_(open_disk(address)),
          registers_(device_.map_bar(0)),
          capabilities_{read<std::uint64_t>(registers::capabilities)},
          interrupts_(1 + queues) {
        std::vector<int> vectors;
        for (const examples::event& interrupt : interrupts_) vectors.push_back(interrupt.fd());
        device_.enable_msix(vectors);
    }

    const gup::vfio_device& device() const noexcept { return device_; }
    nvme::capabilities capabilities() const noexcept { return capabilities_; }
    /// The queues that have a vector, beside the administrator's, number 0.
    unsigned queues() const noexcept { return static_cast<unsigned>(interrupts_.size()) - 1; }
    examples::event& interrupt(unsigned queue) noexcept { return interrupts_[queue]; }

    template <class T>
    T read(std::size_t offset) const {
        return registers_.read<T>(offset);
    }
    template <class T>
    void write(std::size_t offset, T value) const {
        registers_.write<T>(offset, value);
    }
    /// Tells the controller how far a queue is; `completions` says which of the pair.
    void ring(unsigned queue, bool completions, unsigned index) const {
        const std::size_t number = 2 * queue + (completions ? 1 : 0);
        write<std::uint32_t>(registers::doorbells + number * capabilities_.doorbell_stride(), index);
    }

    /// Ends all waiting, now and until `resume`: whoever waits throws controller_failed. For any thread and
    /// for signal handlers, when a controller is to be reset although a command is under way.
    void give_up() noexcept {
        given_up_.store(true, std::memory_order_relaxed);
        for (examples::event& interrupt : interrupts_) interrupt.signal();
    }
    void resume() noexcept { given_up_.store(false, std::memory_order_relaxed); }

    /// Waits for a queue's interrupt, or for so long that the controller's state is worth a look. Throws
    /// controller_failed.
    void wait(unsigned queue, clock::time_point deadline) {
        // an interrupt is a hint: whoever waits looks at the queue again in any case
        constexpr std::chrono::milliseconds glance{100};
        const bool interrupted = interrupts_[queue].wait(glance);
        if (given_up_.load(std::memory_order_relaxed)) throw controller_failed("given up");
        if (interrupted && clock::now() < deadline) return;
        check();
        if (clock::now() >= deadline) throw controller_failed("timed out");
    }
    /// Waits until bits of CSTS are as wanted. Throws controller_failed.
    void wait_for_status(std::uint32_t mask, std::uint32_t wanted, std::chrono::milliseconds limit,
                         const char* doing) {
        try {
            for (const auto deadline = clock::now() + limit; (check() & mask) != wanted;) {
                if (clock::now() >= deadline) throw controller_failed("timed out");
                interrupts_[0].wait(std::chrono::milliseconds(1));
            }
        } catch (const controller_failed& failure) {
            throw controller_failed(doing, failure);
        }
    }

private:
    /// Registers of a device that is no disk may do anything when they are read.
    static gup::vfio_device open_disk(const std::string& address) {
        gup::vfio_device device(address);
        const std::uint32_t found = device.read_config<std::uint32_t>(class_register) >> 8;
        if (found == disk_class) return device;
        char codes[64];
        std::snprintf(codes, sizeof codes, "its class is 0x%06x, not 0x%06x", unsigned{found},
                      unsigned{disk_class});
        throw std::runtime_error("the device " + address + " is no NVMe disk: " + codes);
    }
    std::uint32_t check() const {
        const auto now = read<std::uint32_t>(registers::status);
        if (now == ~std::uint32_t{0}) throw controller_failed("the device is gone");
        if ((now & status::fatal) != 0)
            throw controller_failed("the controller reports that it is broken (CSTS.CFS)");
        return now;
    }

    gup::vfio_device device_;
    gup::vfio_bar registers_;
    nvme::capabilities capabilities_;
    std::vector<examples::event> interrupts_;
    std::atomic<bool> given_up_ = false;
};

} // namespace nvme
