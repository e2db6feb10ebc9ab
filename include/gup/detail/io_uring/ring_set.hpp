// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What prepare and complete need to know of a domain: its rings, their operation records, and where in the
/// buffer table a page lies. Nothing here makes a system call.

#include "gup/detail/operation_table.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

template <class Tag, class Kernel>
class [[gnu::visibility("default")]] io_uring_domain;

namespace detail {

class ring_set;

/// The user_data of no operation, which liburing keeps for itself too.
inline constexpr std::uint64_t user_data_of_none = ~std::uint64_t{0};

inline unsigned entry_shift(const io_uring& ring) noexcept { return (ring.flags & IORING_SETUP_SQE128) != 0; }

inline io_uring_sqe& entry_at(const io_uring& ring, unsigned place) noexcept {
    return ring.sq.sqes[(place & ring.sq.ring_mask) << entry_shift(ring)];
}

/// Which of the ring's entries this is.
inline unsigned index_of(const io_uring& ring, const io_uring_sqe& sqe) noexcept {
    return static_cast<unsigned>(&sqe - ring.sq.sqes) >> entry_shift(ring);
}

/// The place in the submission queue that this entry was handed out for last. Places count up for ever.
inline unsigned place_of(const io_uring& ring, const io_uring_sqe& sqe) noexcept {
    const unsigned last = ring.sq.sqe_tail - 1;
    return last - ((last - index_of(ring, sqe)) & ring.sq.ring_mask);
}

/// The mark of memory in the buffer tables of a domain: one slot for each GiB begun.
class ring_mark {
public:
    ring_mark() = default;
    /// Of memory that is not pinned: operations on it are plain I/O.
    explicit ring_mark(ring_set& rings) noexcept : rings_(&rings) {}
    ring_mark(ring_set& rings, std::span<const std::byte> range, unsigned first_slot) noexcept
        : rings_(&rings),
          base_(reinterpret_cast<std::uintptr_t>(range.data())),
          first_slot_(static_cast<int>(first_slot)),
          slots_(slots_for(range.size())) {}
    /// Before any page of it is handed out, so that there are no tokens.
    ring_mark(ring_mark&& other) noexcept { *this = std::move(other); }
    ring_mark& operator=(ring_mark&& other) noexcept {
        rings_ = std::exchange(other.rings_, nullptr);
        base_ = other.base_;
        first_slot_ = std::exchange(other.first_slot_, none);
        slots_ = std::exchange(other.slots_, 0);
        return *this;
    }

    /// Entries of the table that it takes.
    std::size_t slots() const noexcept { return slots_; }
    /// References to its pages that operations own.
    std::size_t in_flight() const noexcept;

private:
    friend struct ring_access;
    static constexpr int none = -1;
    static constexpr unsigned slot_shift = 30; // one slot covers at most 1 GiB

    static unsigned slots_for(std::size_t bytes) noexcept {
        return static_cast<unsigned>(((bytes - 1) >> slot_shift) + 1);
    }
    int slot_of(std::uintptr_t address) const noexcept {
        return first_slot_ + static_cast<int>((address - base_) >> slot_shift);
    }

    ring_set* rings_ = nullptr;
    std::uintptr_t base_ = 0; // address that the first slot begins with
    int first_slot_ = none;   // the same on every ring
    unsigned slots_ = 0;
    // in_flight tokens out; records are counted in their tables
    mutable std::atomic<std::uint32_t> tokens_{0};
};

/// The operations' and the buffer table's way into a mark.
struct ring_access {
    static constexpr std::size_t most_of_a_slot = std::size_t{1} << ring_mark::slot_shift;
    static unsigned slots_for(std::size_t bytes) noexcept { return ring_mark::slots_for(bytes); }
    static ring_set& rings(const ring_mark& mark) noexcept { return *mark.rings_; }
    static bool fixed(const ring_mark& mark) noexcept { return mark.first_slot_ != ring_mark::none; }
    static unsigned first_slot(const ring_mark& mark) noexcept {
        return static_cast<unsigned>(mark.first_slot_);
    }
    static int slot_of(const ring_mark& mark, std::uintptr_t address) noexcept {
        return mark.slot_of(address);
    }
    static std::atomic<std::uint32_t>& tokens(const ring_mark& mark) noexcept { return mark.tokens_; }
    /// The rings of an io_uring_domain, or of the one that a domain includes.
    template <class Tag, class Kernel>
    static ring_set& rings(const io_uring_domain<Tag, Kernel>& domain) noexcept {
        return domain.rings();
    }
};

/// The user_data of operations with a record: place and ring below, generation, and the domain's marker
/// above.
inline constexpr number_split ring_split{.place_bits = 20, .generation_shift = 24, .generation_bits = 24};
using ring_operations = operation_table<ring_mark, ring_split>;

class ring_place;

/// What gup keeps of a submission entry beside the entry.
struct entry_note {
    /// Place in the queue, plus one, at which an operation with a token was prepared in it last.
    std::uint64_t token_place = 0;
    std::uint64_t token_user_data = 0;
    std::uint16_t flags = 0; ///< see idle_entries
};

/// The rings of one domain as the hot path sees them. In a forked child all of it is zero (see
/// emptied_in_child.hpp): there are no rings, and so no operations, in flight or new.
class ring_set {
public:
    /// One ring. Its size is a power of two, so that finding it by its number takes no multiplication.
    struct covered_ring {
        ring_operations operations;
        // read only while the caller shows, by passing one of its entries, that it is alive
        const io_uring* handle = nullptr;
        std::size_t entries_bytes = 0; // of the submission entries
        entry_note* notes = nullptr;   // of each entry
        unsigned told_to = 0;          // place up to which gup knows that operations are the kernel's
        std::uint8_t barriers = 0;     // see ending

        void note_token(const io_uring_sqe& sqe, std::uint64_t user_data) noexcept {
            const unsigned place = place_of(*handle, sqe);
            entry_note& note = note_at(place);
            note.token_place = std::uint64_t{place} + 1;
            note.token_user_data = user_data;
        }
        /// The note of an operation with a token that is in this entry, and not of one that it was handed out
        /// for before; null if there is none.
        entry_note* token_in(const io_uring_sqe& sqe) const noexcept {
            const unsigned place = place_of(*handle, sqe);
            entry_note& note = note_at(place);
            return sqe.user_data != user_data_of_none && note.token_place == std::uint64_t{place} + 1
                       ? &note
                       : nullptr;
        }
        entry_note& note_at(unsigned place) const noexcept { return notes[place & handle->sq.ring_mask]; }
    };

    ring_set() noexcept = default;
    ring_set(const ring_set&) = delete;
    ring_set& operator=(const ring_set&) = delete;

    /// The ring that a submission entry belongs to; null if it is none of this domain.
    covered_ring* ring_of(const io_uring_sqe& sqe) noexcept {
        for (std::size_t i = 0; i != count_; ++i)
            if (bounds_[i].offset_of(sqe) < bounds_[i].ring->entries_bytes) return bounds_[i].ring;
        return nullptr;
    }
    /// The same, or null while something is to be settled: one comparison finds out both.
    [[gnu::always_inline]] covered_ring* open_ring_of(const io_uring_sqe& sqe) noexcept {
        bounds* b = bounds_.data();
        if (!b->have_open(sqe)) [[unlikely]] { // not of the first ring, and mostly there is one only
            for (std::size_t half = most_rings / 2; half != 0; half /= 2)
                if (reinterpret_cast<std::uintptr_t>(&sqe) >= b[half].entries) b += half;
            if (!b->have_open(sqe)) return nullptr;
        }
        return b->ring;
    }

    struct found {
        ring_operations* table = nullptr;
        ring_operations::record* record = nullptr;
    };
    /// The operation in flight that made this user_data; nothing if there is none.
    found find(std::uint64_t user_data) noexcept {
        ring_operations& table = table_of(user_data);
        return {&table, table.find(user_data)};
    }
    /// The table that its record would be in; that of a ring that there is not has no records.
    ring_operations& table_of(std::uint64_t user_data) noexcept {
        return rings_[(user_data >> ring_split.place_bits) & (most_rings - 1)].operations;
    }

    /// True if an operation of this domain has or had this user_data.
    bool made(std::uint64_t user_data) const noexcept { return (user_data ^ first_user_data_) >> 48 == 0; }

    /// True in a forked child.
    bool empty() const noexcept { return count_ == 0; }
    /// The same where the kernel cannot empty it, at the price of a look at the process.
    bool belongs_to_parent() const noexcept;

    /// Does what only this thread may do and an earlier release had to leave. False if the program has no
    /// handle of the domain any more, so that nobody could complete an operation that has a record.
    bool settle() noexcept { return !unsettled_.load(std::memory_order_relaxed) || settle_here(); }

    std::size_t operations_in_flight(const ring_mark& mark) const noexcept {
        std::size_t sum = 0;
        for (std::size_t i = 0; i < count_; ++i) sum += rings_[i].operations.count(mark);
        return sum;
    }

    static constexpr std::uint32_t most_operations = ring_operations::most_records;
    static constexpr std::size_t most_rings = std::size_t{1}
                                              << (ring_split.generation_shift - ring_split.place_bits);

private:
    friend class ring_place;
    bool settle_here() noexcept;

    /// Where the entries of a ring are; at the last address, of no ring.
    struct bounds {
        std::uintptr_t entries = ~std::uintptr_t{0};
        // of them; none while something is to be settled. No std::atomic, so that bounds can be moved
        std::size_t open_bytes = 0;
        covered_ring* ring = nullptr;

        std::uintptr_t offset_of(const io_uring_sqe& sqe) const noexcept {
            return reinterpret_cast<std::uintptr_t>(&sqe) - entries;
        }
        bool have_open(const io_uring_sqe& sqe) noexcept {
            return offset_of(sqe) < std::atomic_ref(open_bytes).load(std::memory_order_relaxed);
        }
    };

    /// Before there is any operation. Keeps the bounds in the order of their addresses.
    void add(covered_ring& ring, const io_uring_sqe* entries) noexcept {
        bounds* b = &bounds_[count_++];
        for (; b != bounds_.data() && b[-1].entries > reinterpret_cast<std::uintptr_t>(entries); --b)
            *b = b[-1];
        *b = {reinterpret_cast<std::uintptr_t>(entries), ring.entries_bytes, &ring};
    }
    void set_unsettled(bool something) noexcept {
        unsettled_.store(something, std::memory_order_relaxed);
        for (std::size_t i = 0; i != count_; ++i) {
            covered_ring& ring = *bounds_[i].ring;
            std::atomic_ref(bounds_[i].open_bytes)
                .store(something ? 0 : ring.entries_bytes, std::memory_order_relaxed);
            if (something)
                ring.operations.close();
            else
                ring.operations.open();
        }
    }

    std::array<covered_ring, most_rings> rings_{};
    std::array<bounds, most_rings> bounds_{};
    std::size_t count_ = 0;
    std::atomic<bool> unsettled_{false};
    ring_place* place_ = nullptr;
    std::uint64_t first_user_data_ = 0;
};

inline std::size_t ring_mark::in_flight() const noexcept {
    return rings_ == nullptr ? 0
                             : tokens_.load(std::memory_order_relaxed) + rings_->operations_in_flight(*this);
}

/// The place in the submission queue from which on the kernel cannot have taken entries. The ring must be
/// alive.
inline unsigned first_unsubmitted(const io_uring& ring) noexcept {
    // with a polling kernel thread everything that was flushed may be gone, without one only what
    // io_uring_enter took
    return (ring.flags & IORING_SETUP_SQPOLL) != 0 ? ring.sq.sqe_head
                                                   : __atomic_load_n(ring.sq.khead, __ATOMIC_ACQUIRE);
}

inline bool is_linked_to_next(const io_uring_sqe& sqe) noexcept {
    return (sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
}

/// True if the kernel may have taken the entry. The ring must be alive.
inline bool is_submitted(const io_uring& ring, const io_uring_sqe& sqe) noexcept {
    const unsigned first = first_unsubmitted(ring);
    return place_of(ring, sqe) - first >= ring.sq.sqe_tail - first;
}

} // namespace detail
} // namespace gup::inline GUP_NAMESPACE
