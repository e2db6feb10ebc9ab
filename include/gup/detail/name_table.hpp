// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The names of an address space: a hash table from index to entry that is changed under a lock and may be
/// searched without it.
///
/// The table grows into an array twice as large a few chains at a time, one step with each name: none of them
/// waits for all others to be moved.
///
/// The chains are Boost.Intrusive's; their links are atomic through the node traits, so that a reader without
/// the lock may follow them, and entries and bucket arrays stay allocated until the table goes. A search
/// without the lock that runs into a change can miss an entry or be led to another one, but never to memory
/// that has gone; who searches so checks what was found and goes to the lock for what was not.

#include "gup/version.hpp"

#include <boost/intrusive/linear_slist_algorithms.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// A chain's links and head, for Boost.Intrusive: who follows a link sees what was written before it was set.
struct name_node_traits {
    struct node {
        std::atomic<node*> next{nullptr};
    };
    using node_ptr = node*;
    using const_node_ptr = const node*;
    static node_ptr get_next(const_node_ptr n) noexcept { return n->next.load(std::memory_order_acquire); }
    static void set_next(node_ptr n, node_ptr to) noexcept { n->next.store(to, std::memory_order_release); }
};

/// One name: the page that an index stands for.
struct name_entry : name_node_traits::node {
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
    name_table() : newest_(std::make_unique<bucket_array>(first_size)) {
        while (!newest_->complete()) newest_->take_chain();
        buckets_.store(newest_.get(), std::memory_order_release);
    }
    name_table(const name_table&) = delete;
    name_table& operator=(const name_table&) = delete;
    ~name_table() {
        while (entries_ != nullptr)
            entries_ = std::move(entries_->before); // nested destructors would need stack
    }

    std::size_t size() const noexcept { return size_; }

    /// The entry of an index, or null.
    name_entry* find(std::uint64_t index) const noexcept { return search(index, ~0U); }
    /// As find, without the lock: null also if the entry was not found at once, and what is found may have
    /// become another's since. Never waits.
    name_entry* find_unlocked(std::uint64_t index) const noexcept {
        constexpr unsigned patience = 64; // changes could send a search round and round
        return search(index, patience);
    }

    /// Allocates what the next `add` needs, and moves some chains. Throws std::bad_alloc.
    void make_room() {
        if (next(spare_) == nullptr) add_entries();
        if (size_ >= newest_->size) add_buckets();
        for (int chains = 0; chains < 2 && !newest_->complete(); ++chains) newest_->take_chain();
    }
    /// An entry for an index that has none. Only after make_room.
    name_entry& add(std::uint64_t index, std::uintptr_t page) noexcept {
        name_entry& made = *next(spare_);
        chain::unlink_after(&spare_);
        made.index.store(index, std::memory_order_relaxed);
        made.page = page;
        chain::link_after(&newest_->at(index), &made);
        ++size_;
        return made;
    }
    /// Takes the entry of an index out; its owner has taken both references out of it.
    void remove(name_entry& entry) noexcept {
        chain::node& head = newest_->at(entry.index.load(std::memory_order_relaxed));
        chain::unlink_after(chain::get_previous_node(&head, &entry));
        chain::link_after(&spare_, &entry);
        --size_;
    }

    /// Calls `visit(entry)` for every entry.
    template <class Visit>
    void for_each(Visit visit) const {
        const auto visit_all = [&](const bucket_array& buckets, std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; ++i)
                for (name_entry* e = next(buckets.head(i)); e != nullptr;) visit(*std::exchange(e, next(*e)));
        };
        const std::size_t taken = newest_->taken();
        visit_all(*newest_, 0, 2 * taken);
        if (!newest_->complete()) visit_all(*newest_->before, taken, newest_->size / 2);
    }

private:
    using chain = boost::intrusive::linear_slist_algorithms<name_node_traits>;

    static constexpr std::size_t first_size = 64;
    static constexpr std::size_t entries_at_once = 64;

    /// The chains. Chain n of the array before, which is half as large, becomes the chains 2n and 2n + 1.
    class bucket_array {
    public:
        explicit bucket_array(std::size_t chains)
            : size(chains),
              shift_(64 - static_cast<unsigned>(std::countr_zero(chains))),
              heads_(allocator().allocate(chains)) {}
        bucket_array(const bucket_array&) = delete;
        bucket_array& operator=(const bucket_array&) = delete;
        ~bucket_array() { allocator().deallocate(heads_, size); }

        /// The chain of an index, here or in the array before: the upper bits of a product spread runs and
        /// strides evenly.
        chain::node& at(std::uint64_t index) const noexcept {
            const std::size_t number = (index * 0x9E3779B97F4A7C15U) >> shift_;
            if (number / 2 < taken_.load(std::memory_order_acquire)) [[likely]]
                return heads_[number];
            return before->heads_[number / 2];
        }
        chain::node& head(std::size_t number) const noexcept { return heads_[number]; }

        /// How many chains of the array before have been taken over.
        std::size_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
        bool complete() const noexcept { return taken() == size / 2; }
        void take_chain() noexcept {
            const std::size_t number = taken();
            // memory that is used for the first time here: to zero all of it at once would take long, too
            for (const std::size_t half : {2 * number, 2 * number + 1}) ::new (&heads_[half]) chain::node;
            taken_.store(number + 1, std::memory_order_release);
            if (before == nullptr) return;
            chain::node& from = before->heads_[number];
            while (name_entry* const entry = next(from)) {
                chain::unlink_after(&from);
                chain::link_after(&at(entry->index.load(std::memory_order_relaxed)), entry);
            }
        }

        const std::size_t size;
        std::unique_ptr<bucket_array> before{}; // a search may be under way in it

    private:
        using allocator = std::allocator<chain::node>;

        const unsigned shift_;
        std::atomic<std::size_t> taken_{0};
        chain::node* const heads_;
    };

    struct entry_block {
        std::array<name_entry, entries_at_once> entries{};
        std::unique_ptr<entry_block> before{};
    };

    static name_entry* next(const chain::node& node) noexcept {
        return static_cast<name_entry*>(name_node_traits::get_next(&node));
    }
    name_entry* search(std::uint64_t index, unsigned steps) const noexcept {
        name_entry* e = next(buckets_.load(std::memory_order_acquire)->at(index));
        for (; e != nullptr && e->index.load(std::memory_order_relaxed) != index; --steps) {
            if (steps == 0) return nullptr;
            e = next(*e);
        }
        return e;
    }
    void add_entries() {
        auto block = std::make_unique<entry_block>();
        for (name_entry& entry : block->entries) chain::link_after(&spare_, &entry);
        block->before = std::move(entries_);
        entries_ = std::move(block);
    }
    /// The array before is complete: it took two chains or more with each name that came since it was made.
    void add_buckets() {
        auto larger = std::make_unique<bucket_array>(2 * newest_->size);
        larger->before = std::move(newest_);
        newest_ = std::move(larger);
        buckets_.store(newest_.get(), std::memory_order_release);
    }

    std::unique_ptr<bucket_array> newest_;
    std::atomic<bucket_array*> buckets_{nullptr}; // the same, for searches without the lock
    std::unique_ptr<entry_block> entries_;
    chain::node spare_{};
    std::size_t size_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
