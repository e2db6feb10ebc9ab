// SPDX-License-Identifier: BSL-1.0
// Prepare and complete one operation through an operation record, on a ring that no kernel knows; and find a
// free slot of a buffer table.
#include "gup/detail/io_uring/free_slots.hpp"
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"
#include "support/hand.hpp"
#include "support/pair.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
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

enum class operation_type { read, write };

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

/// A pool of stubbed rings with all its pages out, and the same pages as a program without gup has them. As
/// many operations are in flight on the last ring as there are pages, as on a ring at work: each is prepared
/// before the first completes.
class bench {
public:
    explicit bench(std::size_t number_of_rings = 1) : rings_(number_of_rings) {
        for (const auto& ref : refs_) hand_pages_.emplace_back(ref.bytes().data());
    }

    template <operation_type Operation>
    void by_gup() {
        run(
            [&](io_uring_sqe& sqe, std::size_t page, std::uint64_t offset) {
                if constexpr (Operation == operation_type::read)
                    gup::prep_read_fixed(sqe, 3, std::move(refs_[page]), offset);
                else
                    gup::prep_write_fixed(sqe, 3, std::move(refs_[page]), offset);
            },
            [&](const io_uring_cqe& cqe, std::size_t page) { refs_[page] = gup::complete(domain_, cqe); });
    }
    template <operation_type Operation, bool Checked>
    void by_hand() {
        run(
            [&](io_uring_sqe& sqe, std::size_t page, std::uint64_t offset) {
                hand_page& mine = hand_pages_[page];
                if constexpr (Operation == operation_type::read)
                    io_uring_prep_read_fixed(&sqe, 3, mine.bytes, page_bytes, offset, 0);
                else
                    io_uring_prep_write_fixed(&sqe, 3, mine.bytes, page_bytes, offset, 0);
                sqe.user_data = records_.start<Checked>(&mine);
            },
            [&](const io_uring_cqe& cqe, std::size_t) {
                hand_page* const page = records_.finish<Checked>(cqe.user_data);
                if (Checked && page == nullptr) hand::overflow();
                if (Operation == operation_type::read) page->flags.fetch_or(1, std::memory_order_release);
                benchmark::DoNotOptimize(page);
            });
    }

private:
    /// Prepares and completes an operation on each page, again and again.
    template <class Prepare, class Complete>
    void run(Prepare prepare, Complete complete) {
        stub_ring& ring = rings_.back();
        for (std::size_t i = 0; i < operations; i += in_flight) {
            for (std::size_t page = 0; page < in_flight; ++page)
                prepare(ring.entry(i + page), page, i * page_bytes);
            benchmark::ClobberMemory();
            for (std::size_t page = 0; page < in_flight; ++page)
                complete(completion_of(ring.entry(i + page)), page);
        }
    }
    std::vector<io_uring*> handles() {
        std::vector<io_uring*> all;
        for (stub_ring& ring : rings_) all.push_back(&ring.handle());
        return all;
    }

    std::vector<stub_ring> rings_;
    domain_type domain_{handles(), {}};
    gup::page_pool<domain_type> pool_{domain_, {.pages = in_flight, .memory = gup::memory_kind::small_pages}};
    std::vector<reference> refs_ = gup::get_user_pages(pool_, in_flight);
    hand::records<hand_page> records_{2 * entries};
    std::vector<hand_page> hand_pages_;
};

template <operation_type Operation, bool Checked>
bool compare_with_hand(const char* name, const char* against, std::optional<double> target) {
    return gup_bench::compare(
        501, {.name = name, .reference = against, .unit = "ns per operation", .target = target},
        [](gup_bench::measurement& m) {
            bench b;
            m.batches(
                operations, [&] { b.by_gup<Operation>(); }, [&] { b.by_hand<Operation, Checked>(); });
        });
}

const bool write = compare_with_hand<operation_type::write, true>(
    "prep_complete", "io_uring_prep_write_fixed and a record by hand, its place, use and generation checked",
    1.6);
const bool read = compare_with_hand<operation_type::read, true>(
    "prep_complete_read",
    "io_uring_prep_read_fixed and the same record, the page marked dirty by an atomic or", 1.4);
const bool write_unchecked = compare_with_hand<operation_type::write, false>(
    "prep_unchecked", "io_uring_prep_write_fixed and a record by hand, no generation, no check", {});
const bool read_unchecked = compare_with_hand<operation_type::read, false>(
    "prep_read_unchecked", "the same with a read, the page marked dirty", {});

const bool last_ring =
    gup_bench::compare(501,
                       {.name = "prep_complete_ring16",
                        .reference = "prep_complete on the only ring of a domain; here on the last of 16",
                        .unit = "ns per operation",
                        .target = 1.6},
                       [](gup_bench::measurement& m) {
                           bench many(16), one;
                           m.batches(
                               operations, [&] { many.by_gup<operation_type::write>(); },
                               [&] { one.by_gup<operation_type::write>(); });
                       });

/// Slots of a buffer table, all taken but one at the end.
class crowded_slots {
public:
    explicit crowded_slots(std::size_t taken) : slots_(0, taken + 1) {
        for (std::size_t i = 0; i < taken; ++i) slots_.take(1);
    }
    /// Takes the last slot right after the first was given back and taken again, so that nothing is known of
    /// those between them.
    void search() {
        for (std::size_t i = 0; i < searches; ++i) {
            slots_.give_back(0, 1);
            benchmark::DoNotOptimize(slots_.take(1));
            const auto last = slots_.take(1);
            slots_.give_back(last.value(), 1);
        }
    }
    static constexpr std::size_t searches = 4096;

private:
    gup::detail::free_slots slots_;
};

const bool slot_search =
    gup_bench::compare(501,
                       {.name = "slot_search_16k",
                        .reference = "the only free slot of a buffer table among 160; here among 16,000",
                        .unit = "ns per search",
                        .target = 3},
                       [](gup_bench::measurement& m) {
                           crowded_slots many(16'000), few(160);
                           m.batches(
                               crowded_slots::searches, [&] { many.search(); }, [&] { few.search(); });
                       });

} // namespace
