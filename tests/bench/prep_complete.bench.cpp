// SPDX-License-Identifier: BSL-1.0
// Prepare and complete one operation through an operation record, on a ring that no kernel knows.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"
#include "support/pair.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace {

constexpr unsigned entries = 64;
constexpr std::size_t in_flight = 16;
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t operations = 16384;

/// Pretends about rings, is real about memory.
struct ringless_kernel : gup::system_kernel {
    static int duplicate(int) noexcept { return 0; }
    static int close(int) noexcept { return 0; }
    static int io_uring_register(int, unsigned opcode, const void*, unsigned) noexcept {
        return opcode == IORING_REGISTER_BUFFERS_UPDATE ? 1 : 0; // entries updated
    }
};

using domain_type = gup::io_uring_domain<void, ringless_kernel>;
using reference = gup::user_page_ref<domain_type>;

/// A ring as far as prepare and complete look at it.
class stub_ring {
public:
    stub_ring() {
        handle_.sq.sqes = entries_.data();
        handle_.sq.ring_entries = entries;
        handle_.cq.ring_entries = 2 * entries;
    }
    stub_ring(const stub_ring&) = delete;
    stub_ring& operator=(const stub_ring&) = delete;

    io_uring& handle() noexcept { return handle_; }
    io_uring_sqe& entry(std::size_t operation) noexcept { return entries_[operation % entries]; }

private:
    std::array<io_uring_sqe, entries> entries_{};
    io_uring handle_{};
};

/// The completion that the kernel would write for this entry.
io_uring_cqe completion_of(const io_uring_sqe& sqe) noexcept {
    io_uring_cqe cqe; // NOLINT: its last member has no size
    cqe.user_data = sqe.user_data;
    cqe.res = static_cast<int>(sqe.len);
    cqe.flags = 0;
    return cqe;
}

/// A page as a program without gup has it.
struct alignas(16) hand_page {
    std::byte* bytes;
    std::atomic<std::uint64_t> flags{0};
    explicit hand_page(std::byte* memory) noexcept : bytes(memory) {}
    hand_page(hand_page&& other) noexcept : bytes(other.bytes) {}
};

/// What such a program keeps of an operation.
struct hand_record {
    hand_page* page = nullptr;
    std::uint32_t next = 0;
};

/// Records in an array, the free ones chained; user_data is the place in it, which a completion is trusted to
/// name.
class hand_records {
public:
    hand_records() : records_(2 * entries) {
        for (std::uint32_t i = 0; i < records_.size(); ++i) records_[i].next = i + 1;
    }
    std::uint32_t put_in(hand_page* page) noexcept {
        const std::uint32_t place = free_;
        free_ = records_[place].next;
        records_[place].page = page;
        return place;
    }
    hand_page* take_out(std::uint64_t place) noexcept {
        records_[place].next = free_;
        free_ = static_cast<std::uint32_t>(place);
        return records_[place].page;
    }

private:
    std::vector<hand_record> records_;
    std::uint32_t free_ = 0;
};

/// A pool of a stubbed ring with all its pages out, and the same pages as a program without gup has them. As
/// many operations are in flight as there are pages, as on a ring at work: each is prepared before the first
/// completes.
struct bench {
    bench() {
        for (const auto& ref : refs) hand_pages.emplace_back(ref.bytes().data());
    }
    /// Prepares and completes an operation on each page, again and again.
    template <class Prepare, class Complete>
    void run(Prepare prepare, Complete complete) {
        for (std::size_t i = 0; i < operations; i += in_flight) {
            for (std::size_t page = 0; page < in_flight; ++page)
                prepare(ring.entry(i + page), page, i * page_bytes);
            benchmark::ClobberMemory();
            for (std::size_t page = 0; page < in_flight; ++page)
                complete(completion_of(ring.entry(i + page)), page);
        }
    }

    stub_ring ring;
    domain_type domain{ring.handle()};
    gup::page_pool<domain_type> pool{domain, {.pages = in_flight, .memory = gup::memory_kind::small_pages}};
    std::vector<reference> refs = gup::get_user_pages(pool, in_flight);
    hand_records records;
    std::vector<hand_page> hand_pages;
};

const bool write = gup_bench::compare(
    501,
    {.name = "prep_complete",
     .reference = "io_uring_prep_write_fixed and a record kept by hand in an array, no generation, no check",
     .unit = "ns per operation",
     .target = 2},
    [](gup_bench::measurement& m) {
        bench b;
        m.batches(
            operations,
            [&] {
                b.run(
                    [&](io_uring_sqe& sqe, std::size_t page, std::uint64_t offset) {
                        gup::prep_write_fixed(sqe, 3, std::move(b.refs[page]), offset);
                    },
                    [&](const io_uring_cqe& cqe, std::size_t page) {
                        b.refs[page] = gup::complete(b.domain, cqe);
                    });
            },
            [&] {
                b.run(
                    [&](io_uring_sqe& sqe, std::size_t page, std::uint64_t offset) {
                        io_uring_prep_write_fixed(&sqe, 3, b.hand_pages[page].bytes, page_bytes, offset, 0);
                        sqe.user_data = b.records.put_in(&b.hand_pages[page]);
                    },
                    [&](const io_uring_cqe& cqe, std::size_t) {
                        benchmark::DoNotOptimize(b.records.take_out(cqe.user_data));
                    });
            });
    });

const bool read = gup_bench::compare(
    501,
    {.name = "prep_complete_read",
     .reference = "io_uring_prep_read_fixed and the same record, the page marked dirty by an atomic or",
     .unit = "ns per operation",
     .target = 2},
    [](gup_bench::measurement& m) {
        bench b;
        m.batches(
            operations,
            [&] {
                b.run(
                    [&](io_uring_sqe& sqe, std::size_t page, std::uint64_t offset) {
                        gup::prep_read_fixed(sqe, 3, std::move(b.refs[page]), offset);
                    },
                    [&](const io_uring_cqe& cqe, std::size_t page) {
                        b.refs[page] = gup::complete(b.domain, cqe);
                    });
            },
            [&] {
                b.run(
                    [&](io_uring_sqe& sqe, std::size_t page, std::uint64_t offset) {
                        io_uring_prep_read_fixed(&sqe, 3, b.hand_pages[page].bytes, page_bytes, offset, 0);
                        sqe.user_data = b.records.put_in(&b.hand_pages[page]);
                    },
                    [&](const io_uring_cqe& cqe, std::size_t) {
                        b.records.take_out(cqe.user_data)->flags.fetch_or(1, std::memory_order_release);
                    });
            });
    });

} // namespace
