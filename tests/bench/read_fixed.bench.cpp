// SPDX-License-Identifier: BSL-1.0
// Reading a file with O_DIRECT through handles, and through bare liburing on the same slab of the same ring.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"
#include "support/pair.hpp"
#include "support/real_file.hpp"
#include "support/ring.hpp"

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t page_bytes = std::size_t{128} << 10;
constexpr std::size_t in_flight = 16;
constexpr std::uint64_t reads = 2048; // a quarter of the file

using pool_type = gup::page_pool<gup::io_uring_domain<>>;
using reference = gup::user_page_ref<gup::io_uring_domain<>>;

/// Processor time of all threads of this process, those that the kernel works with for it included, in
/// seconds.
template <class Body>
double cpu_seconds(Body body) {
    const auto now = [] {
        timespec time{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
    };
    const double start = now();
    body();
    return now() - start;
}

/// Keeps `in_flight` reads of the file going until all are done: `prepare` fills an entry for a place in the
/// file, `complete` ends the operation of a completion.
template <class Prepare, class Complete>
void read_all(io_uring& ring, Prepare prepare, Complete complete) {
    std::uint64_t started = 0;
    for (std::uint64_t done = 0; done < reads;) {
        for (; started < reads && started - done < in_flight; ++started)
            prepare(*io_uring_get_sqe(&ring), started * page_bytes);
        io_uring_submit_and_wait(&ring, 1);
        unsigned head = 0, seen = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring, head, cqe) {
            if (cqe->res != static_cast<int>(page_bytes)) std::abort();
            complete(*cqe);
            ++seen;
        }
        io_uring_cq_advance(&ring, seen);
        done += seen;
    }
}

void read_by_gup(gup::io_uring_domain<>& domain, pool_type& pool, io_uring& ring, int fd) {
    read_all(
        ring,
        [&](io_uring_sqe& sqe, std::uint64_t offset) {
            gup::prep_read_fixed(sqe, fd, gup::get_user_page(pool), offset);
        },
        [&](const io_uring_cqe& cqe) { gup::put_user_page(gup::complete(domain, cqe), gup::clean); });
}

/// The pages are those of the same slab, so that slot and memory are the same.
void read_raw(std::vector<std::byte*>& free, io_uring& ring, int fd) {
    read_all(
        ring,
        [&](io_uring_sqe& sqe, std::uint64_t offset) {
            io_uring_prep_read_fixed(&sqe, fd, free.back(), page_bytes, offset, 0);
            sqe.user_data = reinterpret_cast<std::uintptr_t>(free.back());
            free.pop_back();
        },
        [&](const io_uring_cqe& cqe) { free.push_back(reinterpret_cast<std::byte*>(cqe.user_data)); });
}

const bool read_fixed = gup_bench::compare(
    41,
    {.name = "read_fixed_cpu",
     .reference = "bare liburing fixed reads into the same slab, 128 KiB, O_DIRECT",
     .unit = "CPU us per read",
     .target = 1.02},
    [](gup_bench::measurement& m) {
        const gup_bench::real_file input(gup_bench::gibibyte);
        const int fd = ::open(input.path().c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
        if (fd < 0) return m.skip("no file here that can be read with O_DIRECT");
        gup_bench::ring ring(in_flight);
        if (!ring) return m.skip(ring.why_not());
        gup::io_uring_domain domain{*ring};
        gup::pin_failure failure;
        auto pool = pool_type::try_make(domain, {.page_size = page_bytes, .pages = in_flight}, failure);
        if (!pool) return m.skip(failure.message());

        std::vector<std::byte*> free;
        for (const auto& ref : gup::get_user_pages(*pool, in_flight)) free.push_back(ref.bytes().data());
        m.costs(
            1e6 / static_cast<double>(reads),
            [&] { return cpu_seconds([&] { read_by_gup(domain, *pool, *ring, fd); }); },
            [&] { return cpu_seconds([&] { read_raw(free, *ring, fd); }); });
        ::close(fd);
    });

} // namespace
