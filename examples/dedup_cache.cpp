// SPDX-License-Identifier: BSL-1.0
// A buffer cache over real files in which blocks of equal content share one pinned page under several names.
//
//     dedup_cache [--block SIZE] [--pages N] [--verify] [--write TEXT [--save]] FILE...

#include "common/progress.hpp"
#include "dedup_cache/cache.hpp"
#include "dedup_cache/change.hpp"
#include "dedup_cache/memory.hpp"
#include "dedup_cache/options.hpp"
#include "dedup_cache/reader.hpp"

#include <cstdio>
#include <cstdlib>
#include <deque>

namespace {

using namespace dedup_cache;
using examples::with_unit;

std::uint64_t bytes_of(const options& chosen) {
    std::uint64_t sum = 0;
    for (const auto& path : chosen.files) {
        std::error_code told_when_it_is_opened;
        if (const auto size = std::filesystem::file_size(path, told_when_it_is_opened);
            !told_when_it_is_opened)
            sum += size;
    }
    return sum;
}

void print_summary(const options& chosen, const page_pool& pool, const cache& cached, std::uint64_t bytes,
                   double seconds) {
    const std::size_t saved = (cached.names() - cached.pages()) * chosen.block;
    const gup::pool_stats stats = pool.stats();
    std::printf("read    %zu files, %llu bytes (%s) in %.3f s\n", chosen.files.size(),
                static_cast<unsigned long long>(bytes), with_unit(bytes).c_str(), seconds);
    std::printf("names   %zu blocks of %s\n", cached.names(), with_unit(chosen.block).c_str());
    std::printf("pages   %zu, %zu evicted\n", cached.pages(), cached.evicted());
    std::printf("saved   %zu bytes (%s) of %s memory\n", saved, with_unit(saved).c_str(),
                pool.registered() ? "pinned" : "unpinned");
    std::printf("pool    %zu pages, %zu free, %zu bytes pinned\n", stats.pages, stats.free,
                stats.bytes_registered);
}

int run(const options& chosen) {
    const std::uint64_t bytes = bytes_of(chosen);
    memory all(chosen, bytes / chosen.block + chosen.files.size());
    if (!all.pages.registered())
        std::fprintf(stderr, "dedup_cache: not pinned, goes on with unregistered memory: %s\n",
                     all.pages.why_not_registered()->message().c_str());

    std::deque<cached_file> files;
    cache cached(all.pages);
    examples::progress shown(chosen.verify ? 2 * bytes : bytes);
    reader read(all.ring.get(), all.in, cached, shown);
    std::uint64_t done = 0;
    for (const auto& path : chosen.files) {
        read.read(files.emplace_back(path, chosen.save ? O_RDWR : O_RDONLY, all.pages), chosen.block);
        done += files.back().size();
    }
    if (chosen.verify)
        for (const content& page : cached.contents())
            for (const block_name& name : page.names) verify(name, chosen.block, shown);
    shown.clear();
    print_summary(chosen, all.pages, cached, done, shown.seconds());
    if (chosen.verify) std::printf("verify  all %zu names have the content of their files\n", cached.names());
    if (chosen.text) change(chosen, all, cached);
    return EXIT_SUCCESS;
}

} // namespace

int main(int count, char** arguments) {
    return examples::run("dedup_cache", [&] {
        const options chosen = parse(count, arguments);
        return chosen.help ? (std::fputs(help, stdout), EXIT_SUCCESS) : run(chosen);
    });
}
