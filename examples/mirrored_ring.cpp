// SPDX-License-Identifier: BSL-1.0
// Numbers the lines of a file, which io_uring reads into a ring buffer that is mapped twice in a row: what
// crosses the end of the ring is in one piece, for the device that reads it as for the CPU.
//
//     mirrored_ring [--size SIZE] FILE

#include "mirrored_ring/line_reader.hpp"
#include "mirrored_ring/mirror.hpp"
#include "mirrored_ring/options.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace {

using namespace mirrored_ring;

/// Both views are one page to gup: whichever address a program comes with, it finds the same.
void check_one_page(domain& in, const mirror& memory) {
    const auto first = gup::find_get_page(in, memory.both().data());
    const auto second = gup::find_get_page(in, memory.both().data() + memory.size());
    if (!first || !second || &gup::page_descriptor(*first) != &gup::page_descriptor(*second))
        throw std::logic_error("the two views are not one page");
}

int run(const options& chosen) {
    const examples::input_file file(chosen.file, O_RDONLY);
    mirror memory(ring_size(chosen));
    examples::ring_handle ring(1);
    domain in(ring.get());
    auto pinned = gup::get_user_pages(in, memory.both()); // one pin for both views, one descriptor

    check_one_page(in, memory);

    line_reader lines(in, ring.get(), std::move(pinned), memory.size(), file);
    std::uint64_t number = 0;
    while (const auto line = lines.next()) {
        if (line->first) std::printf("%6llu\t", static_cast<unsigned long long>(++number));
        std::fwrite(line->bytes.data(), 1, line->bytes.size(), stdout);
    }
    const tally& done = lines.done();
    if (done.bytes < file.size()) throw std::runtime_error(file.name() + " became shorter while it was read");
    std::fprintf(stderr,
                 "mirrored_ring: %llu bytes, %zu reads, %zu of them across the end of the ring of %zu bytes; "
                 "%zu lines across it; two addresses, one page\n",
                 static_cast<unsigned long long>(done.bytes), done.reads, done.reads_across, memory.size(),
                 done.lines_across);
    return EXIT_SUCCESS;
}

} // namespace

int main(int count, char** arguments) {
    return examples::run("mirrored_ring", [&] {
        const options chosen = parse(count, arguments);
        return chosen.help ? (std::fputs(help, stdout), EXIT_SUCCESS) : run(chosen);
    });
}
