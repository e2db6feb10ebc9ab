// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// An NVMe controller: brought up, asked what it is, reset, and stopped before anything it could reach is
/// freed.

#include "identity.hpp"
#include "memory.hpp"
#include "port.hpp"
#include "queue.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace nvme {

/// Made last and destroyed first: all that it may reach outlives it. Then requests need not be drained before
/// an error is thrown; they are given back here. Used by one thread, while no other uses its queues.
class controller {
public:
    /// Pages of a pool that it takes for queues and for what it asks.
    static constexpr std::size_t pages_needed(unsigned queues) noexcept { return 1 + 2 * (1 + queues); }

    /// Resets and enables the controller, with as many queues as the port has vectors for. Throws pin_error,
    /// controller_failed, command_failed.
    controller(port& through, memory_pool& pool) : controller(opened{}, through, pool) {
        start(); // if this throws, the destructor stops the controller: it has been constructed by now
    }
    controller(const controller&) = delete;
    controller& operator=(const controller&) = delete;
    /// Stops the controller; only then can it no longer reach what it was lent.
    ~controller() {
        if (!stop()) return; // the pages stay pinned, and gup says so
        admin_.reclaim();
        for (queue_pair& queue : queues_) queue.reclaim();
    }

    /// One for each thread that wants commands done.
    std::deque<queue_pair>& queues() noexcept { return queues_; }

    identity identify() {
        ask(about::controller, 0);
        return read_identity(asking_.pages()[0].bytes());
    }
    /// Throws if there is no such namespace, and says which there are.
    geometry identify_name_space(std::uint32_t number) {
        ask(about::active_name_spaces, 0);
        const std::vector<std::uint32_t> known = read_name_spaces(asking_.pages()[0].bytes());
        if (std::ranges::find(known, number) == known.end()) {
            std::string which;
            for (const std::uint32_t n : known) which += (which.empty() ? "" : ", ") + std::to_string(n);
            throw std::runtime_error("there is no namespace " + std::to_string(number) + ": this disk has " +
                                     (which.empty() ? "none" : which));
        }
        ask(about::name_space, number);
        return read_geometry(number, asking_.pages()[0].bytes());
    }

    /// Asks the controller to abort a command that is under way, which then ends by itself, with a status
    /// that says so. False if it cannot, as when the command is being done: only `reset` ends it then.
    bool abort(const queue_pair& queue, const request& command) {
        const std::uint32_t result =
            run(administer(admin::abort, queue.number() | std::uint32_t{command.last().id} << 16));
        return (result & 1) == 0;
    }

    /// Ends all that is under way, with a status that says so, and brings the controller up again. Throws
    /// controller_failed if it cannot be stopped: then it still has what it was lent.
    void reset() {
        if (!stop()) throw controller_failed("the controller cannot be stopped");
        admin_.reclaim();
        for (queue_pair& queue : queues_) queue.reclaim();
        port_.resume();
        start();
        admin_.call_reclaimed();
        for (queue_pair& queue : queues_) queue.call_reclaimed();
    }

    /// Has the disk save what it has in caches, as before its power is cut. To be called last.
    void shut_down() {
        port_.write(registers::configuration, enabled | configuration::normal_shutdown);
        port_.wait_for_status(status::shutdown_mask, status::shutdown_complete, std::chrono::seconds(10),
                              "shutting the controller down");
    }

private:
    struct opened {};
    static constexpr std::uint32_t enabled = configuration::entry_sizes | configuration::enable;

    controller(opened, port& through, memory_pool& pool)
        : port_(through), admin_(port_, pool, 0), asking_(pool, 1) {
        for (unsigned number = 1; number <= port_.queues(); ++number)
            queues_.emplace_back(port_, pool, number);
    }

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
        const auto queue = admin_.begin();
        port_.write<std::uint32_t>(registers::admin_queue_attributes, last << 16 | last);
        port_.write<std::uint64_t>(registers::admin_submission_queue, queue.submissions);
        port_.write<std::uint64_t>(registers::admin_completion_queue, queue.completions);
        port_.write(registers::configuration, enabled);
        port_.wait_for_status(status::ready, status::ready, ready_limit(), "enabling the controller");
        make_queues();
    }

    void make_queues() {
        constexpr std::uint32_t number_of_queues = 7; // a feature; counted from 0, 16 bits for each kind
        constexpr std::uint32_t contiguous = 1;
        constexpr std::uint32_t interrupts = 2;
        const std::uint32_t last = port_.queues() - 1;
        const std::uint32_t granted =
            run(administer(admin::set_features, number_of_queues, last << 16 | last));
        if (const std::uint32_t most = std::min(granted & 0xffff, granted >> 16); most < last)
            throw std::runtime_error("this controller has queues for " + std::to_string(most + 1) +
                                     " users, not for " + std::to_string(last + 1));
        for (queue_pair& queue : queues_) {
            const auto addresses = queue.begin();
            const std::uint32_t size_and_number = (queue.entries() - 1) << 16 | queue.number();
            const std::uint32_t vector = queue.number();
            command completions = administer(admin::create_completion_queue, size_and_number,
                                             contiguous | interrupts | vector << 16);
            completions.prp1 = addresses.completions;
            run(completions);
            command submissions = administer(admin::create_submission_queue, size_and_number,
                                             contiguous | queue.number() << 16); // whose completions go there
            submissions.prp1 = addresses.submissions;
            run(submissions);
        }
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

    /// Runs a command of the administrator's: what its completion says.
    std::uint32_t run(const command& what, std::size_t bytes = 0) {
        admin_.submit(what, asking_, transfer::from_controller, bytes);
        admin_.wait(asking_);
        return asking_.result();
    }
    /// The answer is in the page of `asking_`.
    void ask(about what, std::uint32_t name_space) {
        command asked = administer(admin::identify, static_cast<std::uint32_t>(what));
        asked.name_space = name_space;
        run(asked, page_size);
    }

    port& port_;
    queue_pair admin_;
    request asking_;
    std::deque<queue_pair> queues_{};
};

} // namespace nvme
