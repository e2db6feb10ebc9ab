// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The names of an address space: a hash table from index to entry that is changed under a lock and may be
/// searched without it.
///
/// Not Boost.Intrusive's: its links are plain pointers, which a reader without the lock may not follow. Here
/// links are atomic and entries and bucket arrays stay allocated until the table goes. A search without the
/// lock that runs into a change can miss an entry or be led to another one, but never to memory that has
/// gone; who searches so checks what was found and goes to the lock for what was not.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace gup::detail {

/// One name: the page that an index stands for.
struct name_entry {
    std::atomic<name_entry*> next{nullptr};
    std::atomic<std::uint64_t> index{0};
    /// The reference word of the proxy that stands for this name, with one plain count on it; 0 if none has
    /// been asked for yet. Set by compare-and-swap under the lock, read without.
    std::atomic<std::uintptr_t> published{0};
    /// The reference word of the page, with one plain count on it. Under the lock.
    std::uintptr_t page = 0;
};

/// For one lock that its owner holds, except where noted.
class name_table {
public:
    name_table() : buckets_(new_buckets(first_size)) {}
    name_table(const name_table&) = delete;
    name_table& operator=(const name_table&) = delete;

    std::size_t size() const noexcept { return size_; }

    /// The entry of an index, or null.
    name_entry* find(std::uint64_t index) const noexcept { return search(index, ~0U); }
    /// As find, without the lock: null also if the entry was not found at once, and what is found may have
    /// become another's since. Never waits.
    name_entry* find_unlocked(std::uint64_t index) const noexcept {
        constexpr unsigned patience = 64; // changes could send a search round and round
        return search(index, patience);
    }

    /// Allocates what the next `add` needs. Throws std::bad_alloc.
    void make_room() {
        if (spare_ == nullptr) {
            blocks_.push_back(std::make_unique<name_entry[]>(block));
            for (std::size_t i = 0; i < block; ++i) recycle(blocks_.back()[i]);
        }
        if (size_ >= buckets_.load(std::memory_order_relaxed)->count()) grow();
    }
    /// An entry for an index that has none. Only after make_room.
    name_entry& add(std::uint64_t index, std::uintptr_t page) noexcept {
        name_entry& made = *std::exchange(spare_, spare_->next.load(std::memory_order_relaxed));
        made.index.store(index, std::memory_order_relaxed);
        made.page = page;
        link(*buckets_.load(std::memory_order_relaxed), made);
        ++size_;
        return made;
    }
    /// Takes the entry of an index out; its owner has taken both references out of it.
    void remove(name_entry& entry) noexcept {
        std::atomic<name_entry*>* at =
            &buckets_.load(std::memory_order_relaxed)->at(entry.index.load(std::memory_order_relaxed));
        while (at->load(std::memory_order_relaxed) != &entry) at = &at->load(std::memory_order_relaxed)->next;
        at->store(entry.next.load(std::memory_order_relaxed), std::memory_order_release);
        recycle(entry);
        --size_;
    }

    /// Calls `visit(entry)` for every entry.
    template <class Visit>
    void for_each(Visit visit) const {
        bucket_array& all = *buckets_.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < all.count(); ++i)
            for (name_entry* e = all.bucket(i).load(std::memory_order_relaxed); e != nullptr;) {
                name_entry& entry = *std::exchange(e, e->next.load(std::memory_order_relaxed));
                visit(entry);
            }
    }

private:
    static constexpr std::size_t first_size = 64;
    static constexpr std::size_t block = 64;

    class bucket_array {
    public:
        explicit bucket_array(std::size_t count)
            : heads_(std::make_unique<std::atomic<name_entry*>[]>(count)),
              shift_(64 - static_cast<unsigned>(std::countr_zero(count))) {}
        std::size_t count() const noexcept { return std::size_t{1} << (64 - shift_); }
        std::atomic<name_entry*>& bucket(std::size_t place) noexcept { return heads_[place]; }
        /// The bucket of an index: the upper bits of a product spread runs and strides evenly.
        std::atomic<name_entry*>& at(std::uint64_t index) noexcept {
            return heads_[(index * 0x9E3779B97F4A7C15U) >> shift_];
        }

    private:
        std::unique_ptr<std::atomic<name_entry*>[]> heads_;
        unsigned shift_;
    };

    name_entry* search(std::uint64_t index, unsigned steps) const noexcept {
        name_entry* e = buckets_.load(std::memory_order_acquire)->at(index).load(std::memory_order_acquire);
        for (; e != nullptr && e->index.load(std::memory_order_relaxed) != index; --steps) {
            if (steps == 0) return nullptr;
            e = e->next.load(std::memory_order_acquire);
        }
        return e;
    }
    static void link(bucket_array& into, name_entry& entry) noexcept {
        auto& head = into.at(entry.index.load(std::memory_order_relaxed));
        // release, also of the link: a reader that is in this entry already may follow it
        entry.next.store(head.load(std::memory_order_relaxed), std::memory_order_release);
        head.store(&entry, std::memory_order_release);
    }
    void recycle(name_entry& entry) noexcept {
        entry.next.store(spare_, std::memory_order_release);
        spare_ = &entry;
    }
    bucket_array* new_buckets(std::size_t count) {
        arrays_.push_back(std::make_unique<bucket_array>(count));
        return arrays_.back().get();
    }
    void grow() {
        bucket_array* const larger = new_buckets(2 * buckets_.load(std::memory_order_relaxed)->count());
        for_each([&](name_entry& entry) { link(*larger, entry); });
        buckets_.store(larger, std::memory_order_release);
    }

    std::vector<std::unique_ptr<bucket_array>> arrays_; // all that ever were: each twice the one before
    std::vector<std::unique_ptr<name_entry[]>> blocks_;
    name_entry* spare_ = nullptr;
    std::atomic<bucket_array*> buckets_;
    std::size_t size_ = 0;
};

} // namespace gup::detail
