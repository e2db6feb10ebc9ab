// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The operation records of one queue of a device: who owns the pin of which operation, told by slot and
/// generation, so that a completion that comes twice, late or from elsewhere is recognised.

#include "gup/dma_access.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

/// Pages that one operation may own.
inline constexpr std::size_t most_pages = 4;

/// What a completion must ask for.
struct operation_type {
    const void* domain; // identity of the references' Domain
    dma_access access;  // of the references
    /// Ends a reference of an operation that nobody will complete; false, and nothing happens, if this thread
    /// may not.
    bool (*drop)(std::uintptr_t word) noexcept;
};

/// How the number of an operation, by which its completion tells it, is divided: from the lowest bit on its
/// record's place in the table, bits that are the queue's own, the generation, and bits that mark the number
/// as ours.
struct number_split {
    unsigned place_bits;
    unsigned generation_shift;
    unsigned generation_bits;

    constexpr std::uint64_t place_mask() const noexcept { return (std::uint64_t{1} << place_bits) - 1; }
    constexpr std::uint64_t generation_mask() const noexcept {
        return ((std::uint64_t{1} << generation_bits) - 1) << generation_shift;
    }
    /// Of the same record's next operation.
    constexpr std::uint64_t next(std::uint64_t number) const noexcept {
        const std::uint64_t following = number + (std::uint64_t{1} << generation_shift);
        // the last generation is followed by the first, and would carry into the mark
        return (following & generation_mask()) != 0 ? following : number & ~generation_mask();
    }
};

/// One page of an operation in flight; the first record of an operation stands for all of it. Atomic where
/// statistics, or completions that are none of ours, look from other threads.
template <class Binding>
struct alignas(64) operation {
    std::atomic<std::uintptr_t> word{0};          // the reference; zero while the record is free
    std::atomic<const Binding*> binding{nullptr}; // the pin of its page
    const operation_type* type = nullptr;         // of the first record only, as the rest
    std::atomic<std::uint64_t> number{0};         // of the operation in flight, or of the next one
    std::uint64_t cookie = 0;                     // the program's
    operation* next = nullptr;                    // of an operation with further pages
    bool device_writes = false;                   // to all of them
};

/// The records, one for each page that is in flight. One thread at a time submits to a queue and one at a
/// time reaps it, not necessarily the same, as most queues demand: claim and unclaim belong to the first,
/// finish to the second.
template <class Binding, number_split Split, std::uint32_t RecordsAtOnce = 64>
class operation_table {
    static_assert(RecordsAtOnce >= most_pages);

public:
    using record = operation<Binding>;
    /// Records of one table at most.
    static constexpr std::uint32_t most_records = std::uint32_t{1} << Split.place_bits;

    /// Room for the records of a table, which it does not own, so that it can lie where nobody destroys it.
    class memory {
    public:
        explicit memory(std::uint32_t size)
            : size_(size),
              records_(std::allocator<record>().allocate(size), {size}),
              free_(std::make_unique_for_overwrite<record*[]>(std::bit_ceil(size))) {}

    private:
        friend class operation_table;
        struct deallocate {
            std::size_t size = 0;
            void operator()(record* records) const noexcept {
                std::allocator<record>().deallocate(records, size);
            }
        };
        static_assert(std::is_trivially_destructible_v<record>);

        std::uint32_t size_;
        std::unique_ptr<record, deallocate> records_;
        std::unique_ptr<record*[]> free_;
    };

    /// Has no records, and nothing but zeroes.
    operation_table() noexcept = default;
    /// `first_number` is that of the first operation in the first record. Records are made
    /// RecordsAtOnce at a time, the first time round: a large table costs what has been used of it.
    operation_table(const memory& room, std::uint64_t first_number) noexcept
        : size_(room.size_),
          mask_(std::bit_ceil(room.size_) - 1),
          first_number_(first_number),
          records_(room.records_.get()),
          free_(room.free_.get()),
          tail_(room.size_) {}

    /// The operation in flight with this number; null if there is none.
    record* find(std::uint64_t number) const noexcept {
        return find(number, made_.load(std::memory_order_acquire) & ~closed);
    }
    /// The same, or null while the table is closed, which costs nothing to ask.
    [[gnu::always_inline]] record* find_open(std::uint64_t number) const noexcept {
        return find(number, static_cast<std::int32_t>(made_.load(std::memory_order_acquire)));
    }
    /// While closed find_open finds nothing, which sends the caller the slow way. From any thread, as the
    /// next.
    void close() noexcept { made_.fetch_or(closed, std::memory_order_relaxed); }
    void open() noexcept { made_.fetch_and(~closed, std::memory_order_relaxed); }

    /// A free record, null if there is none.
    record* claim() noexcept { return look_for_records(1) == 0 ? nullptr : &claim_known(); }
    /// True if one is known to be free; claim looks for others, too.
    bool knows_free() const noexcept { return head_ != seen_tail_; }
    record& claim_known() noexcept { return *free_[head_++ & mask_]; }
    /// The first of `pages` free records in a row, null if there are not so many; 1 to most_pages.
    record* claim(std::size_t pages) noexcept {
        if (look_for_records(pages) < pages) return nullptr;
        record* const first = claim();
        for (record* r = first; --pages != 0; r = r->next) {
            r->next = claim();
            hide(*r->next);
        }
        return first;
    }

    /// The submitting side gives a single record back that the device never saw: its reference.
    std::uintptr_t unclaim(record& r) noexcept {
        free_[--head_ & mask_] = &r; // where a record was claimed from: the other side cannot be there
        return expire(r);
    }
    /// Likewise all records of an operation: its references, the first first.
    void unclaim(record& first, std::span<std::uintptr_t> words) noexcept {
        // the last claimed goes back first, so that the next operation finds them in the same order
        const std::array<record*, most_pages> records = records_of(first, words.size());
        for (std::size_t i = words.size(); i-- != 0;) words[i] = unclaim(*records[i]);
    }

    /// The reaping side gives a single record back whose operation is over: its reference.
    std::uintptr_t finish(record& r) noexcept {
        const std::uintptr_t word = expire(r);
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        free_[tail & mask_] = &r;
        tail_.store(tail + 1, std::memory_order_release);
        return word;
    }
    /// Likewise all records of an operation: its references, the first first.
    void finish(record& first, std::span<std::uintptr_t> words) noexcept {
        const std::array<record*, most_pages> records = records_of(first, words.size());
        for (std::size_t i = 0; i < words.size(); ++i) words[i] = finish(*records[i]);
    }

    /// Single records that were claimed and of which the device was not told yet. Only as long as the
    /// submitting side says when it is: `tell` tells of all, `keep_untold` then excepts one.
    std::uint32_t untold() const noexcept { return head_ - told_; }
    record& untold(std::uint32_t number) const noexcept { return *free_[(told_ + number) & mask_]; }
    void tell() noexcept { told_ = head_; }
    void keep_untold(record& r) noexcept { free_[--told_ & mask_] = &r; }
    /// As unclaim, of one of them; the others stay known.
    std::uintptr_t unclaim_untold(record& r) noexcept {
        for (std::uint32_t at = told_; at != head_; ++at)
            if (free_[at & mask_] == &r) free_[at & mask_] = free_[(head_ - 1) & mask_];
        return unclaim(r);
    }

    /// Calls `look` with the record of every page in flight; for the reaping side, which may finish it.
    template <class Look>
    void for_each_in_flight(Look look) noexcept {
        for (record& r : made())
            if (r.word.load(std::memory_order_acquire) != 0) look(r);
    }
    /// Pages in flight that this binding covers.
    std::size_t count(const Binding& binding) const noexcept {
        return static_cast<std::size_t>(std::ranges::count_if(made(), [&](const record& r) {
            return r.word.load(std::memory_order_relaxed) != 0 &&
                   r.binding.load(std::memory_order_relaxed) == &binding;
        }));
    }

private:
    static constexpr std::uint32_t closed = std::uint32_t{1} << 31; // a negative number of records
    static_assert(most_records < closed);

    [[gnu::always_inline]] record* find(std::uint64_t number, std::int64_t made) const noexcept {
        const auto place = static_cast<std::int64_t>(number & Split.place_mask());
        if (place >= made) return nullptr;
        record& r = records_[place];
        // acquire: the submitting thread may have filled the record, and only the kernel passed it on to this
        // one
        if (r.word.load(std::memory_order_acquire) == 0) return nullptr;
        return r.number.load(std::memory_order_relaxed) == number ? &r : nullptr;
    }

    std::span<record> made() const noexcept {
        return {records_, made_.load(std::memory_order_acquire) & ~closed};
    }

    /// Records that the submitting side may claim; looks for new ones if it knows of fewer than `wanted`.
    std::uint32_t look_for_records(std::size_t wanted) noexcept {
        if (seen_tail_ - head_ < wanted) {
            std::uint32_t made = made_.load(std::memory_order_relaxed) & ~closed;
            if (made != size_) made = make_records(made);
            seen_tail_ = made != size_ ? made : tail_.load(std::memory_order_acquire);
        }
        return seen_tail_ - head_;
    }
    /// Some more, for the first time; how many there are. The places in the ring of free ones that are theirs
    /// have not been used either.
    [[gnu::cold, gnu::noinline]] std::uint32_t make_records(std::uint32_t made) noexcept {
        const std::uint32_t end = std::min(size_, made + RecordsAtOnce);
        for (std::uint32_t i = made; i != end; ++i) {
            free_[i] = ::new (records_ + i) record;
            free_[i]->number.store(first_number_ | i, std::memory_order_relaxed);
        }
        made_.fetch_add(end - made, std::memory_order_release); // it may be closed meanwhile
        return end;
    }
    /// Of an operation that ends: those that were hidden are as others again.
    static std::array<record*, most_pages> records_of(record& first, std::size_t pages) noexcept {
        std::array<record*, most_pages> records{&first};
        for (std::size_t i = 1; i < pages; ++i) {
            records[i] = records[i - 1]->next;
            hide(*records[i]);
        }
        return records;
    }
    /// Gives a record a number that leads to another place, so that no completion finds it by itself; done
    /// twice it has its own again.
    static void hide(record& r) noexcept {
        r.number.store(~r.number.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    /// Takes the reference out and makes every completion of this generation a stale one.
    static std::uintptr_t expire(record& r) noexcept {
        const std::uintptr_t held = r.word.load(std::memory_order_relaxed);
        r.word.store(0, std::memory_order_relaxed);
        r.number.store(Split.next(r.number.load(std::memory_order_relaxed)), std::memory_order_relaxed);
        return held;
    }

    std::uint32_t size_ = 0;
    std::uint32_t mask_ = 0;
    std::uint64_t first_number_ = 0;
    record* records_ = nullptr;
    record** free_ = nullptr;            // in the order of their completions
    std::atomic<std::uint32_t> made_{0}; // records, the first ones; the others are memory

    alignas(64) std::atomic<std::uint32_t> tail_{0}; // the reaping side's

    alignas(64) std::uint32_t seen_tail_ = 0; // the submitting side's, as head_
    std::uint32_t head_ = 0;
    std::uint32_t told_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
