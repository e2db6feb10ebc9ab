// SPDX-License-Identifier: BSL-1.0
// Reads blocks of an NVMe disk with a driver in user space: the controller transfers them to pinned pages.
//
//     nvme_read [--output FILE] DEVICE LBA COUNT
//     nvme_read --verify-write DEVICE LBA COUNT

#include "common/progress.hpp"
#include "nvme/controller.hpp"
#include "nvme/disk.hpp"
#include "nvme/options.hpp"
#include "nvme/verify_write.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>

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
    examples::progress shown(all.blocks * from.block_size());
    from.read(all, [&](const extent& part, std::span<const page> pages) {
        std::size_t left = part.blocks * from.block_size();
        shown.advance(left);
        for (const page& p : pages) {
            const std::size_t here = std::min(left, page_size);
            check(std::fwrite(p.bytes().data(), 1, here, file.get()) == here);
            left -= here;
        }
    });
    check(std::fflush(file.get()) == 0);
}

void verify_blocks(disk& on, extent all) {
    examples::progress shown(all.blocks * on.block_size());
    for (extent left = all; left.blocks > 0;) {
        const extent part = on.take(left);
        verify_write(on, part);
        shown.advance(part.blocks * on.block_size());
    }
    shown.clear();
    std::printf("%s took a pattern and gave it back; what was there is restored\n", to_string(all).c_str());
}

int run(const options& chosen) {
    controller device(chosen.device);
    const identity who = device.identify();
    const geometry layout = device.identify_namespace(1);
    std::fprintf(stderr, "%s, serial %s, firmware %s\nnamespace 1: %llu blocks of %zu bytes (%s)\n",
                 who.model.c_str(), who.serial.c_str(), who.firmware.c_str(),
                 static_cast<unsigned long long>(layout.blocks), layout.block_size,
                 examples::with_unit(layout.blocks * layout.block_size).c_str());
    disk blocks(device, who, layout, chosen.blocks.blocks);
    if (chosen.verify_write)
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
        return chosen.help ? (std::fputs(help, stdout), EXIT_SUCCESS) : run(chosen);
    });
}
