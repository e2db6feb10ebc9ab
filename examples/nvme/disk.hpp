// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Reads and writes any number of blocks, in commands as large as the controller takes.

#include "controller.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nvme {

/// Consecutive blocks, as many as one command can transfer.
struct extent {
    std::uint64_t first;
    std::uint64_t blocks;
};

inline std::string to_string(const extent& which) {
    return "blocks " + std::to_string(which.first) + " to " + std::to_string(which.first + which.blocks - 1);
}

/// Namespace 1 of a controller. Outlived by it: see controller.
class disk {
public:
    /// With memory for so many blocks at a time, or for those of `at_once` commands if that is less.
    disk(controller& through, const identity& known, const geometry& layout, std::uint64_t blocks)
        : layout_(layout),
          blocks_per_command_(std::min<std::uint64_t>(largest_command(known) / layout.block_size, blocks)),
          pool_(through.memory(), {.page_size = page_size, .pages = pages_needed()}),
          queue_(through.make_io_queue(pool_)) {}

    std::size_t block_size() const noexcept { return layout_.block_size; }
    std::size_t pages_for(std::uint64_t blocks) const noexcept {
        return (static_cast<std::size_t>(blocks) * layout_.block_size + page_size - 1) / page_size;
    }
    /// The beginning of what is left, as much as one command can transfer.
    extent take(extent& left) const noexcept {
        const extent taken{left.first, std::min(left.blocks, blocks_per_command_)};
        left.first += taken.blocks;
        left.blocks -= taken.blocks;
        return taken;
    }

    /// Reads an extent and hands each part of it to `consume(extent, pages)`, in order, while the controller
    /// reads the next one.
    template <class Consume>
    void read(extent all, Consume consume) {
        struct started {
            extent part;
            std::uint16_t id;
        };
        std::deque<started> running;
        while (all.blocks > 0 || !running.empty()) {
            while (all.blocks > 0 && running.size() < at_once) {
                const extent part = take(all);
                running.push_back({part, start(io::read, part, new_pages(part))});
            }
            const started oldest = running.front();
            running.pop_front();
            std::vector<page> pages = queue_.wait(oldest.id);
            consume(oldest.part, std::span<const page>(pages));
            gup::put_user_pages(std::move(pages), gup::clean); // nobody writes them back
        }
    }

    /// Pages for an extent that one command can transfer.
    std::vector<page> new_pages(const extent& part) {
        return gup::get_user_pages(pool_, pages_for(part.blocks));
    }
    /// Reads or writes such an extent.
    std::vector<page> run(io what, const extent& part, std::vector<page> pages) {
        return queue_.wait(start(what, part, std::move(pages)));
    }

private:
    static constexpr std::size_t at_once = 2;

    static std::size_t largest_command(const identity& known) noexcept {
        // those in flight together stay below the usual RLIMIT_MEMLOCK, 8 MiB
        constexpr std::size_t most = std::size_t{3} << 20;
        return known.largest_transfer == 0 ? most : std::min(known.largest_transfer, most);
    }
    std::size_t pages_needed() const noexcept {
        const std::size_t data = pages_for(blocks_per_command_);
        return 2 + at_once * (data + lists_for(data)); // and the two queues
    }

    std::uint16_t start(io what, const extent& part, std::vector<page> pages) {
        command asked{.opcode = static_cast<std::uint8_t>(what), .name_space = 1};
        asked.dwords[0] = static_cast<std::uint32_t>(part.first);
        asked.dwords[1] = static_cast<std::uint32_t>(part.first >> 32);
        asked.dwords[2] = static_cast<std::uint32_t>(part.blocks - 1);
        return queue_.submit(asked, what == io::write ? transfer::to_controller : transfer::from_controller,
                             std::move(pages),
                             (what == io::write ? "writing " : "reading ") + to_string(part));
    }

    geometry layout_;
    std::uint64_t blocks_per_command_;
    memory_pool pool_;
    queue_pair& queue_;
};

} // namespace nvme
