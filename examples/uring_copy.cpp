// SPDX-License-Identifier: BSL-1.0
// Copies files through one pool of pinned pages on one io_uring, with many reads and writes in flight.
//
//     uring_copy [--verify] [--plain] [--memory KIND] [--block SIZE] [--depth N] SOURCE... DESTINATION

#include "common/interrupt.hpp"
#include "common/progress.hpp"
#include "uring_copy/files.hpp"
#include "uring_copy/options.hpp"
#include "uring_copy/pipeline.hpp"
#include "uring_copy/pool.hpp"
#include "uring_copy/replacement.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <set>
#include <string>
#include <sys/resource.h>

namespace {

using namespace uring_copy;
using examples::progress;
using examples::with_unit;

/// What was done, for the summary.
struct tally {
    std::size_t files = 0;
    std::size_t failed = 0;
    std::size_t read_direct = 0;
    std::size_t written_direct = 0;
    std::uint64_t bytes = 0;
};

/// The bytes that will be read, as far as they are known before.
std::uint64_t bytes_to_do(const options& chosen) {
    std::uint64_t sum = 0;
    for (const auto& path : chosen.sources) {
        std::error_code told_later;
        if (!std::filesystem::is_regular_file(path, told_later)) continue;
        if (const auto size = std::filesystem::file_size(path, told_later); !told_later) sum += size;
    }
    return chosen.verify ? 2 * sum : sum;
}

/// Copies one file or throws and leaves nothing behind. `places` are those of the copies made before.
void copy_file(const std::filesystem::path& path, const options& chosen, pipeline& work, tally& done,
               std::set<std::filesystem::path>& places) {
    source_file source(path);
    const auto place = place_for(path, source, chosen.destination);
    if (places.count(place) != 0)
        throw std::runtime_error(source.name() + " would replace the copy that was just made in " +
                                 quoted(place));

    replacement copy(place, source);
    copy.make_room(source);
    work.run(source, copy.file(), purpose::copy);
    copy.finish(source);
    for (bool compare = chosen.verify; source.touched() || compare; compare = false)
        work.run(source, copy.file(), purpose::compare);
    examples::throw_if_interrupted();
    copy.publish();

    places.insert(place);
    ++done.files;
    done.bytes += source.size();
    done.read_direct += source.direct();
    done.written_direct += copy.file().direct();
}

const char* how(std::size_t direct, std::size_t files) {
    return files == 0        ? "nothing"
           : direct == files ? "O_DIRECT"
           : direct == 0     ? "buffered"
                             : "some O_DIRECT, some buffered";
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void print_summary(const options& chosen, const gup::page_pool<copy_domain>& pool, const tally& done,
                   double wall) {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    const double user = seconds(use.ru_utime), system = seconds(use.ru_stime);
    const gup::pool_stats stats = pool.stats();
    std::printf("%s  %zu files, %zu failed, %llu bytes (%s)\n",
                chosen.verify ? "copied and verified" : "copied             ", done.files, done.failed,
                static_cast<unsigned long long>(done.bytes), with_unit(done.bytes).c_str());
    std::printf("rate                 %s/s in %.3f s\n",
                with_unit(static_cast<double>(done.bytes) / wall).c_str(), wall);
    std::printf("CPU                  %.3f s: %.3f user, %.3f system\n", user + system, user, system);
    std::printf("pool                 %zu pages x %s, %zu free\n", stats.pages,
                with_unit(pool.page_size()).c_str(), stats.free);
    std::printf("memory               %s, in hardware pages of %s\n", gup::to_string(stats.memory),
                with_unit(stats.memory_page_size).c_str());
    std::printf("buffers              %s, %zu bytes pinned\n", pool.registered() ? "fixed" : "plain",
                stats.bytes_registered);
    std::printf("files                read %s, written %s\n", how(done.read_direct, done.files),
                how(done.written_direct, done.files));
}

/// Copies one file after the other; one that fails does not keep the others from being copied.
tally copy_files(const options& chosen, pipeline& work, progress& shown) {
    tally done;
    std::set<std::filesystem::path> places;
    for (const auto& path : chosen.sources) {
        try {
            copy_file(path, chosen, work, done, places);
        } catch (const std::exception& error) {
            shown.clear();
            std::fprintf(stderr, "uring_copy: %s\n", error.what());
            ++done.failed;
        }
    }
    return done;
}

int copy_all(const options& chosen) {
    copy_pool pool(chosen);
    if (!pool.pages.registered() && chosen.use == buffers::registered)
        std::fprintf(stderr, "uring_copy: not pinned, goes on with unregistered memory: %s\n",
                     pool.pages.why_not_registered()->message().c_str());
    progress shown(bytes_to_do(chosen));
    pipeline work(pool, shown);
    const tally done = copy_files(chosen, work, shown);
    shown.clear();
    print_summary(chosen, pool.pages, done, shown.seconds());
    return done.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int count, char** arguments) {
    return examples::run("uring_copy", [&] {
        const options chosen = parse(count, arguments);
        if (chosen.help) return std::fputs(help, stdout), EXIT_SUCCESS;
        return examples::unless_interrupted([&] { return copy_all(chosen); });
    });
}
