// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The names of an address space: a hash table from index to entry that is changed under a lock and may be
/// searched without it.
///
/// The chains are Boost.Intrusive's; their links are atomic through the node traits, so that a reader without
/// the lock may follow them, and entries and bucket arrays stay allocated until the table goes. A search
/// without the lock that runs into a change can miss an entry or be led to another one, but never to memory
/// that has gone; who searches so checks what was found and goes to the lock for what was not.

#include "gup/version.hpp"

#include <boost/intrusive/linear_slist_algorithms.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
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
    name_table() : newest_(std::make_unique<bucket_array>(first_size, first_size)) { use_newest(); }
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
        if (next(spare_) != nullptr) return;
        const std::size_t size = newest_->size;
        auto larger = std::make_unique<bucket_array>(2 * size, size);
        for_each([&](name_entry& entry) { link(*larger, entry); });
        larger->before = std::move(newest_);
        newest_ = std::move(larger);
        use_newest();
    }
    /// An entry for an index that has none. Only after make_room.
    name_entry& add(std::uint64_t index, std::uintptr_t page) noexcept {
        name_entry& made = *next(spare_);
        chain::unlink_after(&spare_);
        made.index.store(index, std::memory_order_relaxed);
        made.page = page;
        link(*newest_, made);
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
        for (std::size_t i = 0; i < newest_->size; ++i)
            for (name_entry* e = next(newest_->heads[i]); e != nullptr;) visit(*std::exchange(e, next(*e)));
    }

private:
    using chain = boost::intrusive::linear_slist_algorithms<name_node_traits>;

    static constexpr std::size_t first_size = 64;

    /// The chains, and those entries that came with them: of all arrays together as many as this has chains.
    struct bucket_array {
        bucket_array(std::size_t chains, std::size_t new_entries)
            : size(chains),
              shift(64 - static_cast<unsigned>(std::countr_zero(chains))),
              heads(std::make_unique<chain::node[]>(chains)),
              entries(std::make_unique<name_entry[]>(new_entries)),
              entry_count(new_entries) {}
        /// The bucket of an index: the upper bits of a product spread runs and strides evenly.
        chain::node& at(std::uint64_t index) noexcept {
            return heads[(index * 0x9E3779B97F4A7C15U) >> shift];
        }

        const std::size_t size;
        const unsigned shift;
        const std::unique_ptr<chain::node[]> heads;
        const std::unique_ptr<name_entry[]> entries;
        const std::size_t entry_count;
        std::unique_ptr<bucket_array> before{}; // half as large; a search may be under way in it
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
    static void link(bucket_array& into, name_entry& entry) noexcept {
        chain::link_after(&into.at(entry.index.load(std::memory_order_relaxed)), &entry);
    }
    /// Opens an array whose chains are complete to searches, and its entries to `add`.
    void use_newest() noexcept {
        for (std::size_t i = 0; i < newest_->entry_count; ++i)
            chain::link_after(&spare_, &newest_->entries[i]);
        buckets_.store(newest_.get(), std::memory_order_release);
    }

    std::unique_ptr<bucket_array> newest_;
    std::atomic<bucket_array*> buckets_{nullptr}; // the same, for searches without the lock
    chain::node spare_{};
    std::size_t size_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
