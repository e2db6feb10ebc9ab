// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// From a CPU address to the I/O address that it is mapped at, in constant time. Read by any thread without a
/// lock; changed under the lock of its owner.

#include "gup/detail/iova/address_node.hpp"
#include "gup/detail/iova/hidden_mappings.hpp"
#include "gup/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>

namespace gup::inline GUP_NAMESPACE::detail {

/// The top of the tree. The addresses that programs have, of 48 bits, are in one array of all their GiB, of
/// which only what is used takes memory, in place of two levels of nodes; others go the long way.
class address_root {
public:
    /// Throws std::bad_alloc.
    address_root() {
        if (low_ == nullptr) throw_out_of_memory();
    }
    address_root(const address_root&) = delete;
    address_root& operator=(const address_root&) = delete;
    ~address_root() {
        low_->delete_below(used_);
        high_->delete_below({0, std::numeric_limits<std::uint64_t>::max()});
    }

    bias_word find(std::uint64_t address) const noexcept {
        if (address > last_low) [[unlikely]]
            return high_->find(address);
        return low_->find(address);
    }
    /// As those of the nodes.
    void reserve(std::uint64_t first, std::uint64_t last) {
        if (first <= last_low) {
            used_ = {std::min(used_.first, first), std::max(used_.last, std::min(last, last_low))};
            low_->reserve(first, std::min(last, last_low));
        }
        if (last > last_low) high_->reserve(std::max(first, last_low + 1), last);
    }
    bool replace(address_range range, address_range within, bias_word from, bias_word to) noexcept {
        bool all = true;
        if (range.first <= last_low)
            all &= low_->replace({range.first, std::min(range.last, last_low)}, within, from, to);
        if (range.last > last_low)
            all &= high_->replace({std::max(range.first, last_low + 1), range.last}, within, from, to);
        return all;
    }

private:
    static constexpr unsigned low_bits = 48;
    static constexpr std::uint64_t last_low = (std::uint64_t{1} << low_bits) - 1;
    static constexpr unsigned gib_bits = pfn_shift + 2 * node_bits;
    static constexpr unsigned top_bits = pfn_shift + 5 * node_bits;
    using low = address_node<gib_bits, low_bits - gib_bits>;
    using high = address_node<top_bits, 64 - top_bits>;

    struct freed {
        void operator()(low* node) const noexcept { std::free(node); }
    };
    const std::unique_ptr<high> high_{new high()};
    const std::unique_ptr<low, freed> low_{static_cast<low*>(std::calloc(1, sizeof(low)))};
    address_range used_{last_low, 0}; // of the low ones: where nodes may be
};

/// All mappings of a table. Memory that is mapped more than once has the I/O address of any of its mappings
/// that are live: not none, even while another of them is removed, to a reader who holds one of them.
///
/// Nodes stay until the end, because a reader may be in them: at most 4 KiB for each 2 MiB of addresses that
/// have ever been mapped in smaller units, and 8 KiB for each GiB. The array of all GiB is 4 MiB of zeroes,
/// which take memory where they are used.
class address_map {
public:
    /// Makes room for one more mapping, of this range, when at most so many will be live. Throws
    /// std::bad_alloc; nothing else depends on whether the mapping is added.
    void reserve(std::uint64_t first, std::uint64_t last, std::size_t mappings) {
        hidden_.reserve(mappings - live_);
        root_.reserve(first, last);
    }

    /// Adds a mapping that there is room for.
    void set(const mapped_range& added) noexcept {
        ++live_;
        // A slot belongs to one mapping. Of several the others wait for it to be removed.
        if (!replace(added, added, no_bias, bias_word_of(added.bias))) hidden_.add(added);
    }

    /// Removes a mapping that was set.
    void clear(const mapped_range& removed) noexcept {
        --live_;
        const bias_word word = bias_word_of(removed.bias);
        // Before the slots are empty: readers find one or the other. Slots outside belong to others, which
        // may have the same bias.
        hidden_.remove(removed, [&](const mapped_range& other) {
            replace(other, removed, word, bias_word_of(other.bias));
        });
        replace(removed, removed, word, no_bias);
    }

    /// The bias of a mapping of this address; thread-safe.
    std::optional<std::uint64_t> find(std::uint64_t address) const noexcept {
        const bias_word found = root_.find(address);
        if (found == no_bias) return std::nullopt;
        return bias_of(found);
    }

private:
    bool replace(const mapped_range& of, const mapped_range& within, bias_word from, bias_word to) noexcept {
        return root_.replace(of.addresses(), within.addresses(), from, to);
    }

    address_root root_;
    hidden_mappings hidden_; // which found some of their slots taken
    std::size_t live_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
