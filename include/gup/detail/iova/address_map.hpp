// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// From a CPU address to the I/O address that it is mapped at, in constant time. Makes no system call. Read
/// by any thread without a lock; changed under the lock of its owner.

#include "gup/page.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// CPU addresses from `first` to `last`, both included, whole pages of 4096 bytes that are mapped with one
/// bias: I/O address minus CPU address, a multiple of 4096, which wraps.
struct mapped_range {
    std::uint64_t first, last, bias;

    friend bool operator==(const mapped_range&, const mapped_range&) = default;
};

/// Of a mapping's bias, never 0: 0 stands for no mapping.
using bias_word = std::uint64_t;
inline constexpr bias_word no_bias = 0;
constexpr bias_word bias_word_of(std::uint64_t bias) noexcept { return bias | 1; } // the low bits are free

/// Binary logarithm of how many units a node has. The smallest unit is a page of pfn_shift.
inline constexpr unsigned node_bits = 9;

/// One node of the tree, and all below it. Its slots are units of 2^Shift bytes, as in the page tables of a
/// processor; but a slot has room for both a mapping of the whole unit and a node of smaller units, so that
/// to map a unit costs the same whatever has been mapped in it before.
///
/// A range is mapped in the largest units that it covers, and so always in the same slots.
template <unsigned Shift>
class address_node {
public:
    /// Of the slot with the largest unit around the address that has one.
    bias_word find(std::uint64_t address) const noexcept {
        const slot& s = slots_[index(address)];
        const bias_word found = s.unit.load(std::memory_order_relaxed);
        if constexpr (!smallest) {
            if (found != no_bias) return found;
            const below* const next = s.units.load(std::memory_order_acquire); // its slots are initialised
            return next == nullptr ? no_bias : next->find(address);
        }
        return found;
    }

    /// Makes the nodes that `replace` needs for this range: at most two on each level. Throws std::bad_alloc,
    /// having changed nothing that `find` returns.
    void reserve(std::uint64_t first, std::uint64_t last) {
        if constexpr (!smallest) {
            const auto partly = [&](std::size_t i, std::uint64_t from, std::uint64_t to) {
                if (whole(from, to)) return;
                if (slots_[i].units.load(std::memory_order_relaxed) == nullptr)
                    slots_[i].units.store(new below, std::memory_order_release);
                slots_[i].units.load(std::memory_order_relaxed)->reserve(from, to);
            };
            const std::uint64_t end_of_first = std::min(last, first | offset);
            partly(index(first), first, end_of_first);
            if (end_of_first != last) partly(index(last), last & ~offset, last);
        }
    }

    /// Puts `to` into the slots of this range that hold `from`; false if any held something else.
    bool replace(std::uint64_t first, std::uint64_t last, bias_word from, bias_word to) noexcept {
        bool all = true;
        for (std::size_t i = index(first); i <= index(last); ++i) {
            const std::uint64_t end = std::min(last, first | offset);
            all &= replace_in(slots_[i], first, end, from, to);
            first = end + 1;
        }
        return all;
    }

    address_node() = default;
    address_node(const address_node&) = delete;
    address_node& operator=(const address_node&) = delete;
    ~address_node() {
        if constexpr (!smallest)
            for (slot& s : slots_) delete s.units.load(std::memory_order_relaxed);
    }

private:
    static constexpr bool smallest = Shift == pfn_shift;
    static constexpr std::uint64_t offset = (std::uint64_t{1} << Shift) - 1;
    static constexpr std::size_t count = std::size_t{1} << std::min(node_bits, 64 - Shift);

    using below = address_node<smallest ? Shift : Shift - node_bits>;

    struct page_slot {
        std::atomic<bias_word> unit{no_bias};
    };
    struct large_slot {
        std::atomic<bias_word> unit{no_bias};
        std::atomic<below*> units{nullptr};
    };
    using slot = std::conditional_t<smallest, page_slot, large_slot>;

    static constexpr std::size_t index(std::uint64_t address) noexcept {
        return address >> Shift & (count - 1);
    }
    static constexpr bool whole(std::uint64_t first, std::uint64_t last) noexcept {
        return (first & offset) == 0 && (last & offset) == offset;
    }

    static bool replace_in(slot& s, std::uint64_t first, std::uint64_t last, bias_word from,
                           bias_word to) noexcept {
        if constexpr (!smallest)
            if (!whole(first, last))
                return s.units.load(std::memory_order_relaxed)->replace(first, last, from, to);
        if (s.unit.load(std::memory_order_relaxed) != from) return false;
        s.unit.store(to, std::memory_order_relaxed);
        return true;
    }

    std::array<slot, count> slots_{};
};

/// All mappings of a table. Memory that is mapped more than once has the I/O address of any of its mappings
/// that are live: never none, even while another of them is removed.
///
/// Nodes stay until the end, because a reader may be in them: at most 4 KiB for each 2 MiB of addresses that
/// have ever been mapped in smaller units, and 8 KiB for each GiB.
class address_map {
public:
    /// Makes room for one more mapping, of this range, when at most so many will be live. Throws
    /// std::bad_alloc; nothing else depends on whether the mapping is added.
    void reserve(std::uint64_t first, std::uint64_t last, std::size_t mappings) {
        hidden_.reserve(std::bit_ceil(mappings)); // room that is not used is never touched
        root_.reserve(first, last);
    }

    /// Adds a mapping that there is room for.
    void set(const mapped_range& added) noexcept {
        // A slot belongs to one mapping. Of several the others wait for it to be removed.
        if (!root_.replace(added.first, added.last, no_bias, bias_word_of(added.bias)))
            hidden_.push_back(added);
    }

    /// Removes a mapping that was set.
    void clear(const mapped_range& removed) noexcept {
        if (const auto at = std::ranges::find(hidden_, removed); at != hidden_.end()) {
            *at = hidden_.back();
            hidden_.pop_back();
        }
        const bias_word word = bias_word_of(removed.bias);
        for (const mapped_range& other : hidden_) // before the slots are empty: readers find one or the other
            if (other.first <= removed.last && removed.first <= other.last)
                root_.replace(other.first, other.last, word, bias_word_of(other.bias));
        root_.replace(removed.first, removed.last, word, no_bias);
    }

    /// The bias of a mapping of this address; thread-safe.
    std::optional<std::uint64_t> find(std::uint64_t address) const noexcept {
        const bias_word found = root_.find(address);
        if (found == no_bias) return std::nullopt;
        return found & ~bias_word{1};
    }

private:
    address_node<pfn_shift + 5 * node_bits> root_; // the rest of 64 bits
    std::vector<mapped_range> hidden_;             // mappings that found some of their slots taken
};

} // namespace gup::inline GUP_NAMESPACE::detail
