// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The way to a controller: its registers, its interrupt, and waiting for it with a limit.

#include "../common/event.hpp"
#include "registers.hpp"
#include "status.hpp"

#include "gup/domain/vfio_device.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace nvme {

using clock = std::chrono::steady_clock;

/// Shared by the controller and its queues.
class port {
public:
    explicit port(const std::string& address)
        : device_(address),
          registers_(device_.map_bar(0)),
          capabilities_{read<std::uint64_t>(registers::capabilities)} {
        const int vectors[] = {interrupt_.fd()};
        device_.enable_msix(vectors);
    }

    const gup::vfio_device& device() const noexcept { return device_; }
    nvme::capabilities capabilities() const noexcept { return capabilities_; }

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

    /// Waits for an interrupt, or for so long that the controller's state is worth a look. Throws
    /// controller_failed.
    void wait(clock::time_point deadline, const std::string& doing) {
        // an interrupt is a hint: whoever waits looks at the queue again in any case
        constexpr std::chrono::milliseconds glance{100};
        if (interrupt_.wait(glance) && clock::now() < deadline) return;
        check(doing);
        if (clock::now() >= deadline) throw controller_failed(doing + " timed out");
    }
    /// Waits until bits of CSTS are as wanted. Throws controller_failed.
    void wait_for_status(std::uint32_t mask, std::uint32_t wanted, std::chrono::milliseconds limit,
                         const std::string& doing) {
        for (const auto deadline = clock::now() + limit; (check(doing) & mask) != wanted;) {
            if (clock::now() >= deadline) throw controller_failed(doing + " timed out");
            interrupt_.wait(std::chrono::milliseconds(1));
        }
    }

private:
    std::uint32_t check(const std::string& doing) const {
        const auto now = read<std::uint32_t>(registers::status);
        if (now == ~std::uint32_t{0}) throw controller_failed(doing + " failed: the device is gone");
        if ((now & status::fatal) != 0)
            throw controller_failed(doing + " failed: the controller reports that it is broken (CSTS.CFS)");
        return now;
    }

    gup::vfio_device device_;
    gup::vfio_bar registers_;
    nvme::capabilities capabilities_;
    examples::event interrupt_;
};

} // namespace nvme
