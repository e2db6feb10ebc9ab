// SPDX-License-Identifier: BSL-1.0
// Reads blocks of an NVMe disk with a driver in user space: the controller transfers them to pinned pages.
//
//     nvme_read [--namespace N] [--output FILE] DEVICE LBA COUNT
//     nvme_read [--namespace N] --depth N [--queues N] DEVICE LBA COUNT
//     nvme_read [--namespace N] --verify-write DEVICE LBA COUNT

#include "common/interrupt.hpp"
#include "common/progress.hpp"
#include "nvme/controller.hpp"
#include "nvme/disk.hpp"
#include "nvme/options.hpp"
#include "nvme/rate.hpp"
#include "nvme/verify_write.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace nvme;

/// The first bytes of a block, as numbers and as text.
void print_block(std::uint64_t number, std::span<const std::byte> bytes) {
    std::printf("%10llu ", static_cast<unsigned long long>(number));
    for (const std::byte b : bytes) std::printf(" %02x", std::to_integer<unsigned>(b));
    std::printf("  ");
    for (const std::byte b : bytes) {
        const int letter = std::to_integer<int>(b);
        std::putchar(std::isprint(letter) != 0 ? letter : '.');
    }
    std::putchar('\n');
}

void print_blocks(disk& from, const extent& all) {
    from.read(all, [&](const extent& part, std::span<const page> pages) {
        examples::throw_if_interrupted();
        for (std::uint64_t i = 0; i < part.blocks; ++i) {
            const std::size_t offset = i * from.block_size();
            print_block(part.first + i, pages[offset / page_size].bytes().subspan(offset % page_size, 16));
        }
    });
}

void save_blocks(disk& from, const extent& all, const std::string& path) {
    const auto check = [&](bool done) {
        if (!done) examples::fail(errno, "writing '" + path + "'");
    };
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wbe"), &std::fclose);
    check(file != nullptr);
    examples::progress shown(from.bytes_of(all));
    from.read(all, [&](const extent& part, std::span<const page> pages) {
        examples::throw_if_interrupted();
        std::size_t left = from.bytes_of(part);
        shown.advance(left);
        for (const page& p : pages) {
            const std::size_t here = std::min(left, page_size);
            check(std::fwrite(p.bytes().data(), 1, here, file.get()) == here);
            left -= here;
            if (left == 0) break;
        }
    });
    check(std::fflush(file.get()) == 0);
}

void verify_blocks(disk& on, const extent& all) {
    examples::progress shown(on.bytes_of(all));
    verify_write(on, all, [&](std::size_t bytes) { shown.advance(bytes); });
    shown.clear();
    std::printf("%s took a pattern and gave it back; what was there is restored\n", to_string(all).c_str());
}

/// Each disk reads its share of the blocks, in a thread of its own.
void measure(std::deque<disk>& disks, const extent& all) {
    std::vector<std::future<rate>> shares;
    const auto begin = nvme::clock::now();
    for (std::uint64_t i = 0; i < disks.size(); ++i) {
        const auto bound = [&](std::uint64_t number) { return all.blocks / disks.size() * number; };
        const std::uint64_t end = i + 1 == disks.size() ? all.blocks : bound(i + 1);
        shares.push_back(std::async(std::launch::async,
                                    [&from = disks[i], share = extent{all.first + bound(i), end - bound(i)}] {
                                        return reader(from, share).run();
                                    }));
    }
    std::uint64_t reads = 0;
    for (auto& share : shares) reads += share.get().reads;
    const double seconds = std::chrono::duration<double>(nvme::clock::now() - begin).count();
    std::printf("%llu reads of %s, %zu at a time in each of %zu queues, in %.3f s: %.0f a second, %s/s\n",
                static_cast<unsigned long long>(reads), examples::with_unit(std::uint64_t{page_size}).c_str(),
                disks.front().requests().size(), disks.size(), seconds, static_cast<double>(reads) / seconds,
                examples::with_unit(static_cast<double>(disks.front().bytes_of(all)) / seconds).c_str());
}

/// How many requests a queue has, and pages each of them.
struct requests_needed {
    std::size_t count;
    std::size_t pages;
};
requests_needed needed_for(const options& chosen) {
    constexpr std::uint64_t of_largest_block = 16;
    constexpr std::uint64_t most = 128;
    if (chosen.depth) return {*chosen.depth, 1};
    return {3, std::min(most, std::min(most, chosen.blocks.blocks) * of_largest_block)};
}

int run(const options& chosen) {
    port way(chosen.device, chosen.queues);
    const requests_needed needed = needed_for(chosen);
    // all that is pinned, at once: a limit that is too low is told once
    memory_pool memory(domain(way.device().container()),
                       {.page_size = page_size,
                        .pages = controller::pages_needed(chosen.queues) +
                                 chosen.queues * needed.count * request::pages_needed(needed.pages)});
    std::vector<std::deque<request>> requests(chosen.queues);
    for (auto& of_queue : requests)
        while (of_queue.size() < needed.count) of_queue.emplace_back(memory, needed.pages);

    controller device(way, memory);
    const identity who = device.identify();
    const geometry layout = device.identify_name_space(chosen.name_space);
    std::fprintf(stderr, "%s, serial %s, firmware %s\nnamespace %u: %llu blocks of %zu bytes (%s)\n",
                 who.model.c_str(), who.serial.c_str(), who.firmware.c_str(), unsigned{chosen.name_space},
                 static_cast<unsigned long long>(layout.blocks), layout.block_size,
                 examples::with_unit(layout.blocks * layout.block_size).c_str());
    std::deque<disk> disks;
    for (queue_pair& queue : device.queues())
        disks.emplace_back(device, queue, requests[queue.number() - 1], who, layout);
    disk& blocks = disks.front();
    blocks.check(chosen.blocks);
    if (chosen.depth)
        measure(disks, chosen.blocks);
    else if (chosen.verify_write)
        verify_blocks(blocks, chosen.blocks);
    else if (!chosen.output.empty())
        save_blocks(blocks, chosen.blocks, chosen.output);
    else
        print_blocks(blocks, chosen.blocks);
    device.shut_down();
    return EXIT_SUCCESS;
}

} // namespace

int main(int count, char** arguments) {
    return examples::run("nvme_read", [&] {
        const options chosen = parse(count, arguments);
        if (chosen.help) return std::fputs(help, stdout), EXIT_SUCCESS;
        return examples::unless_interrupted([&] { return run(chosen); });
    });
}
