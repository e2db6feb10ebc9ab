// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// An NVMe controller: brought up, asked what it is, and stopped before anything it could reach is freed.

#include "memory.hpp"
#include "port.hpp"
#include "queue.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nvme {

/// What a controller says of itself.
struct identity {
    std::string model{};
    std::string serial{};
    std::string firmware{};
    std::size_t largest_transfer = 0; ///< bytes of one command (MDTS); 0 if any
};

/// A namespace: a disk, as far as its users are concerned.
struct geometry {
    std::uint64_t blocks = 0;
    std::size_t block_size = 0;
};

class controller {
public:
    /// Opens, resets and enables the controller. Throws pin_error, controller_failed, command_failed.
    explicit controller(const std::string& address) : controller(opened{}, address) {
        start(); // if this throws, the destructor stops the controller: it has been constructed by now
    }
    controller(const controller&) = delete;
    controller& operator=(const controller&) = delete;
    /// Stops the controller; only then can it no longer reach what it was lent.
    ~controller() {
        if (!stop()) return; // the pages stay pinned, and gup says so
        admin_.reclaim();
        if (io_) io_->reclaim();
    }

    const domain& memory() const noexcept { return domain_; }
    /// Makes the queue pair for reads and writes, once. Its pool must stay as long as commands are submitted.
    queue_pair& make_io_queue(memory_pool& lists) {
        io_.emplace(port_, lists, 1);
        const std::uint32_t size_and_number = (io_->entries() - 1) << 16 | 1;
        command completions{.opcode = static_cast<std::uint8_t>(admin::create_completion_queue)};
        completions.prp1 = io_->lend_completions();
        completions.dwords[0] = size_and_number;
        completions.dwords[1] = contiguous | interrupts; // vector 0
        run(completions, "creating a completion queue");
        command submissions{.opcode = static_cast<std::uint8_t>(admin::create_submission_queue)};
        submissions.prp1 = io_->lend_submissions();
        submissions.dwords[0] = size_and_number;
        submissions.dwords[1] = contiguous | 1U << 16; // its completions go to queue 1
        run(submissions, "creating a submission queue");
        return *io_;
    }

    identity identify() {
        const page answer = ask(1, 0, "identifying the controller");
        const auto text = [&](std::size_t offset, std::size_t length) {
            std::string found(reinterpret_cast<const char*>(answer.bytes().data()) + offset, length);
            return found.erase(found.find_last_not_of(' ') + 1);
        };
        const auto shift = std::to_integer<unsigned>(answer.bytes()[77]); // MDTS
        return {.model = text(24, 40),
                .serial = text(4, 20),
                .firmware = text(64, 8),
                .largest_transfer = shift == 0 || shift > 32 ? 0 : page_size << shift};
    }
    geometry identify_namespace(std::uint32_t number) {
        const page answer = ask(0, number, "identifying namespace " + std::to_string(number));
        const std::byte* const bytes = answer.bytes().data();
        geometry found;
        std::memcpy(&found.blocks, bytes, sizeof found.blocks);   // NSZE
        const auto format = std::to_integer<unsigned>(bytes[26]); // FLBAS
        std::uint32_t layout = 0;                                 // LBAF
        std::memcpy(&layout, bytes + 128 + sizeof layout * ((format & 15) | (format >> 1 & 0x30)),
                    sizeof layout);
        const unsigned shift = layout >> 16 & 0xff;
        if (found.blocks == 0 || shift < 9 || shift > 16)
            throw std::runtime_error("there is no namespace " + std::to_string(number) +
                                     ", or none with blocks that this program can read");
        if ((layout & 0xffff) != 0)
            throw std::runtime_error("namespace " + std::to_string(number) +
                                     " is formatted with metadata, which this program does not read");
        found.block_size = std::size_t{1} << shift;
        return found;
    }

    /// Has the disk save what it has in caches, as before its power is cut. To be called last.
    void shut_down() {
        port_.write(registers::configuration, enabled | configuration::normal_shutdown);
        port_.wait_for_status(status::shutdown_mask, status::shutdown_complete, std::chrono::seconds(10),
                              "shutting the controller down");
    }

private:
    struct opened {};
    static constexpr std::size_t queue_pages = 3; // two queues, and one for what is asked
    static constexpr std::uint32_t enabled = configuration::entry_sizes | configuration::enable;
    static constexpr std::uint32_t contiguous = 1;
    static constexpr std::uint32_t interrupts = 2;

    controller(opened, const std::string& address)
        : port_(address),
          domain_(port_.device().container()),
          pool_(domain_, {.page_size = page_size, .pages = queue_pages}),
          admin_(port_, pool_, 0) {}

    std::chrono::milliseconds ready_limit() const {
        return std::chrono::milliseconds(500) * (port_.capabilities().ready_half_seconds() + 1);
    }

    void start() {
        const capabilities can = port_.capabilities();
        if (!can.nvm_commands() || can.smallest_page() != page_size)
            throw controller_failed("this controller reads no blocks, or not in pages of 4096 bytes");
        disable(); // whatever state it was left in
        port_.device().enable_bus_master();
        const std::uint32_t last = admin_.entries() - 1;
        port_.write<std::uint32_t>(registers::admin_queue_attributes, last << 16 | last);
        port_.write<std::uint64_t>(registers::admin_submission_queue, admin_.lend_submissions());
        port_.write<std::uint64_t>(registers::admin_completion_queue, admin_.lend_completions());
        port_.write(registers::configuration, enabled);
        port_.wait_for_status(status::ready, status::ready, ready_limit(), "enabling the controller");
    }

    void disable() {
        port_.write(registers::configuration, configuration::entry_sizes);
        port_.wait_for_status(status::ready, 0, ready_limit(), "disabling the controller");
    }

    /// True if the controller does no DMA any more: it has been disabled, or else cut off the bus and reset.
    bool stop() noexcept {
        try {
            disable();
            port_.device().disable_bus_master();
            return true;
        } catch (const std::exception& error) {
            std::fprintf(stderr, "nvme: %s; the device is reset\n", error.what());
        }
        try {
            port_.device().disable_bus_master();
            port_.device().reset();
            return true;
        } catch (const std::exception& error) {
            std::fprintf(stderr, "nvme: %s\n", error.what());
            return false;
        }
    }

    /// Runs a command of the administrator's that has no data.
    void run(const command& what, const std::string& doing) {
        admin_.wait(admin_.submit(what, transfer::from_controller, {}, doing));
    }
    /// What the controller answers to Identify.
    page ask(std::uint32_t about, std::uint32_t name_space, const std::string& doing) {
        command what{.opcode = static_cast<std::uint8_t>(admin::identify), .name_space = name_space};
        what.dwords[0] = about;
        std::vector<page> answer;
        answer.push_back(gup::get_user_page(pool_));
        answer = admin_.wait(admin_.submit(what, transfer::from_controller, std::move(answer), doing));
        return std::move(answer.front());
    }

    port port_;
    domain domain_;
    memory_pool pool_;
    queue_pair admin_;
    std::optional<queue_pair> io_{};
};

} // namespace nvme
