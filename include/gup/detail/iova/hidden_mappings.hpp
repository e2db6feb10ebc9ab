// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Mappings of memory that has others: found by the memory that they share with one that is removed. Makes no
/// system call and is not thread-safe.

#include "gup/detail/iova/address_node.hpp"
#include "gup/detail/node_stock.hpp"

#include <boost/intrusive/set.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>

namespace gup::inline GUP_NAMESPACE::detail {

/// CPU addresses from `first` to `last`, both included, whole pages of 4096 bytes that are mapped with one
/// bias: I/O address minus CPU address, a multiple of 4096, which wraps.
struct mapped_range {
    std::uint64_t first, last, bias;

    constexpr address_range addresses() const noexcept { return {first, last}; }
    friend auto operator<=>(const mapped_range&, const mapped_range&) = default;
};

/// In sets by address, one for each order of length: those of an order that reach an address begin within
/// twice their length of it. So a search looks at those that it finds and, of each order, at those few that
/// begin just before: where each byte is mapped k times at most, at about 2k of each.
class hidden_mappings {
public:
    hidden_mappings() = default;
    hidden_mappings(const hidden_mappings&) = delete;
    hidden_mappings& operator=(const hidden_mappings&) = delete;
    ~hidden_mappings() {
        for (set& mappings : by_order_) mappings.clear_and_dispose([this](node* n) { stock_.give_back(*n); });
    }

    /// Makes sure that so many can be added. Throws std::bad_alloc.
    void reserve(std::size_t more) { stock_.grow(size_ + more); }

    /// Adds one that there is room for.
    void add(const mapped_range& mapping) noexcept {
        node& added = stock_.take();
        added.mapping = mapping;
        by_order_[order_of(mapping)].insert(added);
        ++size_;
    }
    /// Removes this one if it is there. Calls `hand_over(other)` for the others that have some of its memory;
    /// if there is one of exactly that memory, for that alone.
    template <class HandOver>
    void remove(const mapped_range& removed, HandOver hand_over) noexcept {
        const std::size_t own = order_of(removed);
        auto alike = by_order_[own].lower_bound({removed.first, removed.last, 0});
        if (is_alike(own, alike, removed)) {
            const auto at = alike->mapping == removed ? alike++ : by_order_[own].find(removed);
            if (at != by_order_[own].end()) erase(own, at);
            if (is_alike(own, alike, removed)) return hand_over(alike->mapping);
        }
        for (std::size_t order = 0; order < orders; ++order) {
            set& mappings = by_order_[order];
            if (mappings.empty()) continue;
            const std::uint64_t longest = order == 0 ? 0 : ~std::uint64_t{0} >> (orders - 1 - order);
            const std::uint64_t first = removed.first - std::min(removed.first, longest);
            auto at = order == own ? alike : mappings.lower_bound({first, 0, 0});
            while (at != mappings.begin() && std::prev(at)->mapping.first >= first) --at;
            for (; at != mappings.end() && at->mapping.first <= removed.last; ++at)
                if (at->mapping.last >= removed.first) hand_over(at->mapping);
        }
    }

private:
    struct node
        : boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
        mapped_range mapping{};
        node* next = nullptr; // of the stock
    };
    struct key_of {
        using type = mapped_range;
        const mapped_range& operator()(const node& n) const noexcept { return n.mapping; }
    };
    using set = boost::intrusive::multiset<node, boost::intrusive::key_of_value<key_of>,
                                           boost::intrusive::constant_time_size<false>>;

    static constexpr std::size_t orders = std::numeric_limits<std::uint64_t>::digits + 1;

    static std::size_t order_of(const mapped_range& m) noexcept {
        return static_cast<std::size_t>(std::bit_width(m.last - m.first));
    }

    bool is_alike(std::size_t order, set::iterator at, const mapped_range& m) const noexcept {
        return at != by_order_[order].end() && at->mapping.first == m.first && at->mapping.last == m.last;
    }
    void erase(std::size_t order, set::iterator at) noexcept {
        node& removed = *at;
        by_order_[order].erase(at);
        stock_.give_back(removed);
        --size_;
    }

    node_stock<node> stock_;
    std::array<set, orders> by_order_;
    std::size_t size_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
