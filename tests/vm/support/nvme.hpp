// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The driver of the example nvme_read on the disk of the virtual machine, every block of which says which it
/// is.

#include "support/edu.hpp"

#include "nvme/disk.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gup_test {

/// What the disk was made with, in namespace 1.
inline std::string block(std::uint64_t number) {
    std::string text = "block " + std::to_string(number);
    text.resize(511, ' ');
    return text + '\n';
}

/// A controller with queues, and a request of some pages for each slot of `depth` of each.
struct nvme_scene {
    explicit nvme_scene(unsigned queues = 1, std::size_t depth = 4, std::size_t pages = 8)
        : way(nvme_address, queues),
          memory(nvme::domain(way.device().container()),
                 {.page_size = nvme::page_size,
                  .pages = nvme::controller::pages_needed(queues) +
                           queues * depth * nvme::request::pages_needed(pages)}),
          requests(queues) {
        for (auto& of_queue : requests)
            while (of_queue.size() < depth) of_queue.emplace_back(memory, pages);
        device.emplace(way, memory);
        known = device->identify();
        layout = device->identify_name_space(1);
        for (nvme::queue_pair& queue : device->queues())
            disks.emplace_back(*device, queue, requests[queue.number() - 1], known, layout);
    }
    nvme::disk& disk(std::size_t queue = 0) { return disks[queue]; }
    nvme::request& request(std::size_t number, std::size_t queue = 0) { return requests[queue][number]; }

    /// True if all these blocks are on the disk as it was made.
    bool as_made(const nvme::extent& all) {
        bool right = true;
        disk().read(all, [&](const nvme::extent& part, std::span<const nvme::page> pages) {
            for (std::uint64_t i = 0; i < part.blocks; ++i) right = right && holds(pages, i, part.first + i);
        });
        return right;
    }
    /// True if block `number` is at that place of the pages.
    static bool holds(std::span<const nvme::page> pages, std::uint64_t place, std::uint64_t number) {
        const std::size_t offset = place * 512;
        const auto bytes = pages[offset / nvme::page_size].bytes().subspan(offset % nvme::page_size, 512);
        return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == block(number);
    }

    nvme::port way;
    nvme::memory_pool memory;
    std::vector<std::deque<nvme::request>> requests;
    std::optional<nvme::controller> device{}; // stops before what it may reach goes
    nvme::identity known{};
    nvme::geometry layout{};
    std::deque<nvme::disk> disks{};
};

} // namespace gup_test
