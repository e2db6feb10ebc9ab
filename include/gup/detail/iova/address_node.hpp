// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A tree of CPU addresses as in the page tables of a processor: with what bias each of them is mapped. Makes
/// no system call. Read by any thread without a lock; changed under the lock of its owner.

#include "gup/page.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

/// Of a mapping's bias, a multiple of 4096, with marks in its free bits; never 0: 0 stands for no mapping.
using bias_word = std::uint64_t;
inline constexpr bias_word no_bias = 0;
/// Of a unit that is not mapped itself, but all of whose parts are, with this bias.
inline constexpr bias_word of_parts = 2;

constexpr bias_word bias_word_of(std::uint64_t bias) noexcept { return bias | 1; }
constexpr std::uint64_t bias_of(bias_word word) noexcept { return word >> pfn_shift << pfn_shift; }

/// Addresses from `first` to `last`, both included.
struct address_range {
    std::uint64_t first, last;

    constexpr bool intersects(address_range other) const noexcept {
        return first <= other.last && other.first <= last;
    }
    constexpr bool within(address_range other) const noexcept {
        return other.first <= first && last <= other.last;
    }
};

/// Binary logarithm of how many units a node has. The smallest unit is a page of pfn_shift.
inline constexpr unsigned node_bits = 9;

/// One node of the tree, and all below it. Its slots are units of 2^Shift bytes, as in the page tables of a
/// processor; but a slot has room for both a mapping of the whole unit and a node of smaller units, so that
/// to map a unit costs the same whatever has been mapped in it before. A unit whose parts all have one bias
/// shows it, so that to look up memory mapped in small pieces costs what it does in one.
///
/// A range is mapped in the largest units that it covers, and so always in the same slots.
///
/// Trivial: zeroed memory is a node without mappings, and takes room where it has been used.
template <unsigned Shift, unsigned Bits = node_bits>
class address_node {
public:
    /// Of the slot with the largest unit around the address that has one.
    bias_word find(std::uint64_t address) noexcept {
        slot& s = slots_[index(address)];
        const bias_word found = word_of(s);
        if constexpr (!smallest) {
            if (found != no_bias) return found;
            below* const next = std::atomic_ref(s.units).load(std::memory_order_acquire); // it is initialised
            return next == nullptr ? no_bias : next->find(address);
        }
        return found;
    }

    /// Makes the nodes that `replace` needs for this range: at most two on each level. Throws std::bad_alloc,
    /// having changed nothing that `find` returns.
    void reserve(std::uint64_t first, std::uint64_t last) {
        if constexpr (!smallest) {
            const auto partly = [&](slot& s, std::uint64_t from, std::uint64_t to) {
                if (whole(from, to)) return;
                if (s.units == nullptr)
                    std::atomic_ref(s.units).store(new below(), std::memory_order_release);
                s.units->reserve(from, to);
            };
            const std::uint64_t end_of_first = std::min(last, first | offset);
            partly(slots_[index(first)], first, end_of_first);
            if (end_of_first != last) partly(slots_[index(last)], last & ~offset, last);
        }
    }

    /// Puts `to` into those slots of a range that hold `from` and lie within another range; false if one of
    /// these held something else.
    bool replace(address_range range, address_range within, bias_word from, bias_word to) noexcept {
        bool all = true;
        for (std::size_t i = index(range.first); i <= index(range.last); ++i) {
            const address_range part{range.first, std::min(range.last, range.first | offset)};
            if (!whole(part.first, part.last))
                all &= !part.intersects(within) || replace_parts(slots_[i], part, within, from, to);
            else if (part.within(within))
                all &= replace_whole(slots_[i], from, to);
            range.first = part.last + 1;
        }
        return all;
    }

    /// Deletes all nodes below the units of a range; nobody may be reading.
    void delete_below(address_range range) noexcept {
        if constexpr (!smallest) {
            for (std::size_t i = index(range.first); i <= index(range.last); ++i) {
                below* const units = slots_[i].units;
                if (units == nullptr) continue;
                units->delete_below({0, offset});
                delete units;
            }
        }
    }

    /// What its unit shows: the bias of all of its slots if it is one.
    bias_word common() noexcept {
        if (filled_ != count) return no_bias;
        const bias_word first = word_of(slots_[0]) | of_parts;
        const auto same = [&](slot& s) { return (word_of(s) | of_parts) == first; };
        return std::ranges::all_of(slots_, same) ? first : no_bias;
    }

private:
    static constexpr bool smallest = Shift == pfn_shift;
    static constexpr std::uint64_t offset = (std::uint64_t{1} << Shift) - 1;
    static constexpr std::size_t count = std::size_t{1} << Bits;

    using below = address_node<smallest ? Shift : Shift - node_bits>;

    struct page_slot {
        bias_word unit;
    };
    struct large_slot {
        bias_word unit;
        below* units;
    };
    using slot = std::conditional_t<smallest, page_slot, large_slot>;

    static constexpr std::size_t index(std::uint64_t address) noexcept {
        return address >> Shift & (count - 1);
    }
    static constexpr bool whole(std::uint64_t first, std::uint64_t last) noexcept {
        return (first & offset) == 0 && (last & offset) == offset;
    }

    static bias_word word_of(slot& s) noexcept {
        return std::atomic_ref(s.unit).load(std::memory_order_relaxed);
    }
    void put(slot& s, bias_word word) noexcept {
        filled_ = filled_ + (word != no_bias) - (word_of(s) != no_bias);
        std::atomic_ref(s.unit).store(word, std::memory_order_relaxed);
    }

    bool replace_whole(slot& s, bias_word from, bias_word to) noexcept {
        const bias_word held = word_of(s);
        if (((held & of_parts) != 0 ? no_bias : held) != from) return false;
        put(s, to);
        show_parts(s);
        return true;
    }
    bool replace_parts(slot& s, address_range part, address_range within, bias_word from,
                       bias_word to) noexcept {
        if constexpr (smallest) {
            return false; // pages are mapped whole
        } else {
            if ((word_of(s) & of_parts) != 0) put(s, no_bias); // readers see in the parts what they have
            const bool all = s.units->replace(part, within, from, to);
            show_parts(s);
            return all;
        }
    }
    void show_parts(slot& s) noexcept {
        if constexpr (!smallest)
            if (word_of(s) == no_bias && s.units != nullptr) put(s, s.units->common());
    }

    std::array<slot, count> slots_;
    std::size_t filled_;
};

static_assert(std::is_trivial_v<address_node<pfn_shift>> &&
              std::is_trivial_v<address_node<pfn_shift + node_bits>>);

} // namespace gup::inline GUP_NAMESPACE::detail
