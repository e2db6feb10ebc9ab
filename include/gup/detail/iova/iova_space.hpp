// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Hands out the I/O virtual addresses of an IOMMU domain. Makes no system call and is not thread-safe: its
/// owner holds a lock.

#include "gup/detail/node_stock.hpp"

#include <boost/intrusive/set.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// I/O virtual addresses from `first` to `last`, both included, as the kernel reports them.
struct iova_range {
    std::uint64_t first, last;
};

/// The free addresses are extents, as long as they can be, in one set by address, to merge what is freed,
/// and in one of several sets by size. Which one says how large a block, aligned to its own size, the extent
/// has room for: so a block of 2 MiB is found without a look at the extents that are large enough but do not
/// lie right, and small requests leave those that do alone.
///
/// Both ends of an extent belong to it: a space may end with the last of all addresses.
class iova_space {
public:
    /// Of the addresses in `ranges`, in any order, those that a device with so many address bits can send,
    /// whole granules only, except granule 0: to many devices and drivers, address 0 means none. `granule`
    /// is a power of two: the smallest page of the IOMMU. Throws std::bad_alloc.
    iova_space(std::span<const iova_range> ranges, unsigned address_bits, std::uint64_t granule);

    iova_space(const iova_space&) = delete;
    iova_space& operator=(const iova_space&) = delete;
    ~iova_space() {
        for (by_size& extents : by_order_) extents.clear();
        by_address_.clear_and_dispose([this](extent* freed) { stock_.give_back(*freed); });
    }

    /// Room for `bytes`, a multiple of the granule and not 0, at a multiple of `alignment`, a power of two
    /// and at least the granule; none only if there is no such room. Throws std::bad_alloc, having changed
    /// nothing.
    std::optional<std::uint64_t> allocate(std::uint64_t bytes, std::uint64_t alignment);

    /// Takes back the whole of what `allocate` returned for so many bytes.
    void free(std::uint64_t iova, std::uint64_t bytes) noexcept;

    /// Takes out what is free and in none of these ranges, whole granules, for ever. Throws std::bad_alloc,
    /// having changed nothing.
    void narrow(std::span<const iova_range> ranges, std::uint64_t granule);

    /// Bytes of the largest free extent.
    std::uint64_t largest() const noexcept;

    /// Bytes that are free.
    std::uint64_t available() const noexcept { return available_; }

private:
    template <class Tag>
    using hook =
        boost::intrusive::set_base_hook<boost::intrusive::tag<Tag>, boost::intrusive::optimize_size<true>,
                                        boost::intrusive::link_mode<boost::intrusive::normal_link>>;
    using address_hook = hook<struct address_tag>;
    using size_hook = hook<struct size_tag>;

    struct extent : address_hook, size_hook {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        extent* next = nullptr; // in the stock

        /// Never 2^64, as granule 0 is not given out.
        std::uint64_t bytes() const noexcept { return last - first + 1; }

        std::uint64_t padding(std::uint64_t alignment) const noexcept {
            return (0 - first) & (alignment - 1);
        }

        bool fits(std::uint64_t size, std::uint64_t alignment) const noexcept {
            return bytes() >= size && bytes() - size >= padding(alignment);
        }

        /// Binary logarithm of the largest block, aligned to its own size, that the extent has room for.
        std::size_t order() const noexcept {
            const std::uint64_t size = std::bit_floor(bytes());
            return log2(size) - (fits(size, size) ? 0 : 1);
        }
    };
    struct first_of {
        using type = std::uint64_t;
        type operator()(const extent& e) const noexcept { return e.first; }
    };
    struct size_of { // of two extents of one size the lower one, to keep the upper addresses in one piece
        using type = std::pair<std::uint64_t, std::uint64_t>;
        type operator()(const extent& e) const noexcept { return {e.bytes(), e.first}; }
    };
    template <class Hook, class Key>
    using set =
        boost::intrusive::set<extent, boost::intrusive::base_hook<Hook>, boost::intrusive::key_of_value<Key>,
                              boost::intrusive::constant_time_size<false>>;
    using by_address = set<address_hook, first_of>;
    using by_size = set<size_hook, size_of>;

    static constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
    static constexpr std::size_t orders = std::numeric_limits<std::uint64_t>::digits;
    static constexpr std::size_t spare_nodes = 64; // for the next allocations
    static constexpr std::size_t few = 4;          // looks at the extents of an order that may not lie right

    static std::size_t log2(std::uint64_t value) noexcept {
        return static_cast<std::size_t>(std::bit_width(value)) - 1;
    }

    void add(iova_range range, std::uint64_t limit, std::uint64_t granule) noexcept;
    extent* find(std::uint64_t bytes, std::uint64_t alignment, std::size_t looks) noexcept;
    void take(extent& from, iova_range taken) noexcept;
    void cut(iova_range gap) noexcept;
    void insert(by_address::iterator before, iova_range free) noexcept;
    void erase(extent& e) noexcept;
    void link(extent& e) noexcept { by_order_[e.order()].insert(e); }
    void unlink(extent& e) noexcept { by_order_[e.order()].erase(by_size::s_iterator_to(e)); }

    /// Between two free extents lies an allocation or the border of a range.
    std::size_t nodes_for(std::size_t allocations) const noexcept { return ranges_ + allocations; }

    node_stock<extent> stock_;
    by_address by_address_;
    std::array<by_size, orders> by_order_;
    std::size_t ranges_ = 0;
    std::size_t allocations_ = 0;
    std::uint64_t available_ = 0;
};

inline iova_space::iova_space(std::span<const iova_range> ranges, unsigned address_bits,
                              std::uint64_t granule) {
    const std::uint64_t limit = address_bits < orders ? (std::uint64_t{1} << address_bits) - 1 : highest;
    std::vector<iova_range> sorted(ranges.begin(), ranges.end());
    std::ranges::sort(sorted, {}, &iova_range::first);
    stock_.grow(sorted.size());
    for (auto range = sorted.begin(); range != sorted.end();) {
        iova_range merged = *range;
        // a range that begins at 0 is the first one, or it lies in the one before
        while (++range != sorted.end() && (range->first == 0 || range->first - 1 <= merged.last))
            merged.last = std::max(merged.last, range->last);
        add(merged, limit, granule);
    }
}

/// Adds what remains of a range, which touches none of the others.
inline void iova_space::add(iova_range range, std::uint64_t limit, std::uint64_t granule) noexcept {
    const std::uint64_t offset = granule - 1;
    const std::uint64_t top = std::min(range.last, limit);
    if (top < granule + offset || range.first > highest - offset) return;
    const std::uint64_t first = std::max((range.first + offset) & ~offset, granule);
    const std::uint64_t last = ((top + 1) & ~offset) - 1; // right for the last of all addresses, too
    if (last < first) return;
    insert(by_address_.end(), {first, last});
    available_ += last - first + 1;
    ++ranges_;
}

inline std::optional<std::uint64_t> iova_space::allocate(std::uint64_t bytes, std::uint64_t alignment) {
    const std::size_t nodes = nodes_for(allocations_ + 1);
    if (stock_.nodes() < nodes) stock_.grow(nodes + spare_nodes);
    extent* found = find(bytes, alignment, few);
    if (found == nullptr) found = find(bytes, alignment, std::numeric_limits<std::size_t>::max());
    if (found == nullptr) return std::nullopt;
    const std::uint64_t iova = found->first + found->padding(alignment);
    take(*found, {iova, iova + (bytes - 1)});
    available_ -= bytes;
    ++allocations_;
    return iova;
}

inline void iova_space::free(std::uint64_t iova, std::uint64_t bytes) noexcept {
    const std::uint64_t last = iova + (bytes - 1);
    const auto after = by_address_.upper_bound(iova);
    const bool joins_after = after != by_address_.end() && after->first - 1 == last;
    const bool joins_before = after != by_address_.begin() && std::prev(after)->last + 1 == iova;
    if (joins_before) {
        extent& before = *std::prev(after);
        unlink(before);
        before.last = joins_after ? after->last : last;
        link(before);
        if (joins_after) erase(*after);
    } else if (joins_after) {
        unlink(*after);
        after->first = iova;
        link(*after);
    } else {
        insert(after, {iova, last});
    }
    available_ += bytes;
    --allocations_;
    stock_.shrink(nodes_for(allocations_) + spare_nodes);
}

inline void iova_space::narrow(std::span<const iova_range> ranges, std::uint64_t granule) {
    std::vector<iova_range> sorted(ranges.begin(), ranges.end());
    std::ranges::sort(sorted, {}, &iova_range::first);
    // a gap takes something from each extent that it touches, and may divide one
    stock_.grow(2 * nodes_for(allocations_) + sorted.size() + 1);
    const std::uint64_t offset = granule - 1;
    std::uint64_t next = 0; // address that no range reaches yet
    for (const iova_range& range : sorted) {
        if (next < range.first) cut({next & ~offset, (range.first - 1) | offset});
        if (range.last == highest) return;
        next = std::max(next, range.last + 1);
    }
    cut({next & ~offset, highest});
}

/// Takes the free addresses out of a gap between ranges, or beside them.
inline void iova_space::cut(iova_range gap) noexcept {
    for (auto e = by_address_.begin(); e != by_address_.end() && e->first <= gap.last;) {
        extent& from = *e++;
        if (from.last < gap.first) continue;
        const iova_range taken{std::max(from.first, gap.first), std::min(from.last, gap.last)};
        ++ranges_; // what lies on both sides of it, or will when it is freed, stays apart
        available_ -= taken.last - taken.first + 1;
        take(from, taken);
    }
}

inline std::uint64_t iova_space::largest() const noexcept {
    std::uint64_t bytes = 0;
    for (const by_size& extents : by_order_)
        if (!extents.empty()) bytes = std::max(bytes, extents.rbegin()->bytes());
    return bytes;
}

/// The extent to allocate from, of the lowest order that has one, with so many looks at each order.
inline iova_space::extent* iova_space::find(std::uint64_t bytes, std::uint64_t alignment,
                                            std::size_t looks) noexcept {
    const std::uint64_t block = std::bit_floor(bytes);
    // where `bytes` fit, a block of that size fits if it starts with them, and always one of half the size
    for (std::size_t order = log2(block) - (alignment < block ? 1 : 0); order < orders; ++order) {
        by_size& extents = by_order_[order];
        auto e = extents.lower_bound({bytes, 0});
        for (std::size_t look = 0; look < looks && e != extents.end(); ++look, ++e)
            if (e->fits(bytes, alignment)) return &*e;
    }
    return nullptr;
}

/// Leaves of the extent what lies around `taken`.
inline void iova_space::take(extent& from, iova_range taken) noexcept {
    if (taken.first == from.first && taken.last == from.last) return erase(from);
    unlink(from);
    if (taken.first == from.first) {
        from.first = taken.last + 1;
    } else {
        const std::uint64_t last = std::exchange(from.last, taken.first - 1);
        if (taken.last != last) insert(std::next(by_address::s_iterator_to(from)), {taken.last + 1, last});
    }
    link(from);
}

inline void iova_space::insert(by_address::iterator before, iova_range free) noexcept {
    extent& added = stock_.take();
    added.first = free.first;
    added.last = free.last;
    by_address_.insert_before(before, added);
    link(added);
}

inline void iova_space::erase(extent& e) noexcept {
    unlink(e);
    by_address_.erase(by_address::s_iterator_to(e));
    stock_.give_back(e);
}

} // namespace gup::inline GUP_NAMESPACE::detail
