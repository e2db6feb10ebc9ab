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
#include <stdexcept>
#include <string>

namespace nvme {

/// A namespace of a controller, by one of its queues and the requests given, which are all alike.
class disk {
public:
    disk(controller& through, queue_pair& queue, std::deque<request>& requests, const identity& known,
         const geometry& layout)
        : controller_(through), queue_(queue), requests_(requests), layout_(layout) {
        std::size_t most = requests.front().pages().size() * page_size;
        if (known.largest_transfer != 0) most = std::min(most, known.largest_transfer);
        blocks_per_command_ = std::min<std::uint64_t>(most / layout.block_size, std::uint64_t{1} << 16);
        if (blocks_per_command_ == 0)
            throw std::runtime_error("one block has " + std::to_string(layout.block_size) +
                                     " bytes, more than one command here can transfer");
    }

    std::size_t block_size() const noexcept { return layout_.block_size; }
    std::size_t bytes_of(const extent& part) const noexcept {
        return static_cast<std::size_t>(part.blocks) * layout_.block_size;
    }
    /// Throws unless the namespace has all of these blocks.
    void check(const extent& all) const {
        if (all.blocks > layout_.blocks || all.first > layout_.blocks - all.blocks)
            throw std::runtime_error(to_string(all) + ": LBA out of range, namespace " +
                                     std::to_string(layout_.name_space) + " has blocks 0 to " +
                                     std::to_string(layout_.blocks - 1));
    }
    /// The beginning of what is left, as much as one command can transfer.
    extent take(extent& left) const noexcept {
        const extent taken{left.first, std::min(left.blocks, blocks_per_command_)};
        left.first += taken.blocks;
        left.blocks -= taken.blocks;
        return taken;
    }

    /// Reads an extent and hands each part of it to `consume(extent, pages)`, in order, while the controller
    /// reads the next ones.
    template <class Consume>
    void read(const extent& all, Consume consume) {
        extent to_start = all, to_consume = all;
        const std::size_t count = requests_.size();
        std::size_t next = 0, oldest = 0;
        while (to_consume.blocks > 0) {
            for (; to_start.blocks > 0 && next - oldest < count; ++next)
                start(io::read, take(to_start), requests_[next % count]);
            request& by = requests_[oldest % count];
            queue_.wait(by);
            consume(take(to_consume), by.pages());
            ++oldest;
        }
    }

    /// Reads or writes an extent that one command can transfer.
    void run(io what, const extent& part, request& by, durable when = durable::when_flushed) {
        start(what, part, by, when);
        queue_.wait(by);
    }
    /// As run, but does not wait.
    void start(io what, const extent& part, request& by, durable when = durable::when_flushed) {
        queue_.submit(transfer_blocks(what, layout_.name_space, part, when), by,
                      what == io::write ? transfer::to_controller : transfer::from_controller,
                      bytes_of(part));
    }
    /// What was written before is on the medium.
    void flush(request& by) {
        queue_.submit(flush_caches(layout_.name_space), by, transfer::from_controller, 0);
        queue_.wait(by);
    }
    /// After controller_failed: nothing is under way any more, and the disk can be used again.
    void reset() { controller_.reset(); }

    std::deque<request>& requests() noexcept { return requests_; }
    queue_pair& queue() noexcept { return queue_; }

private:
    controller& controller_;
    queue_pair& queue_;
    std::deque<request>& requests_;
    geometry layout_;
    std::uint64_t blocks_per_command_ = 0;
};

} // namespace nvme
