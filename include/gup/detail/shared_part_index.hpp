// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Parts of files, by where they are: finds those that overlap another without a look at the rest.

#include "gup/version.hpp"

#include <bit>
#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <tuple>

namespace gup::inline GUP_NAMESPACE::detail {

/// A part of a file that a range shows through a shared mapping: who writes there writes to the file's pages.
/// Files of different subvolumes, as a snapshot's, may have the same numbers: their names differ.
struct shared_part {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    friend constexpr bool operator==(const shared_part&, const shared_part&) noexcept = default;
    friend constexpr bool overlap(const shared_part& a, const shared_part& b) noexcept {
        return a.device == b.device && a.inode == b.inode && a.offset < b.offset + b.length &&
               b.offset < a.offset + a.length;
    }
};

/// The parts that owners show. They may overlap: files under two names have the same numbers, and a mirror
/// shows a part twice. They are therefore kept apart by their order, the power of two that their
/// length is below: of one order, those that overlap a part begin not far before it. Not thread-safe.
template <class Owner>
class shared_part_index {
public:
    struct entry : boost::intrusive::set_base_hook<> {
        entry(const shared_part& of, Owner& by) noexcept : part(of), owner(&by) {}
        shared_part part;
        Owner* owner;
    };

    void insert(entry& added) noexcept { entries_.insert(added); }
    void erase(entry& added) noexcept { entries_.erase(entries_.iterator_to(added)); }

    /// The first owner, of those whose parts overlap this one, for which `wanted(owner)` is true; null if
    /// there is none.
    template <class Wanted>
    Owner* find_overlapping(const shared_part& part, Wanted wanted) const {
        auto at = entries_.lower_bound(place{part.device, part.inode, 0, 0});
        while (at != entries_.end() && at->part.device == part.device && at->part.inode == part.inode) {
            const auto order = std::bit_width(at->part.length);
            const std::uint64_t longest = std::uint64_t{1} << order;
            const std::uint64_t from = part.offset > longest ? part.offset - longest : 0;
            const auto end =
                entries_.lower_bound(place{part.device, part.inode, order, part.offset + part.length});
            for (at = entries_.lower_bound(place{part.device, part.inode, order, from}); at != end; ++at)
                if (overlap(at->part, part) && wanted(*at->owner)) return at->owner;
            at = entries_.lower_bound(place{part.device, part.inode, order + 1, 0});
        }
        return nullptr;
    }

private:
    using place = std::tuple<std::uint64_t, std::uint64_t, int, std::uint64_t>;
    struct place_of {
        using type = place;
        type operator()(const entry& e) const noexcept {
            return {e.part.device, e.part.inode, static_cast<int>(std::bit_width(e.part.length)),
                    e.part.offset};
        }
    };
    boost::intrusive::multiset<entry, boost::intrusive::key_of_value<place_of>> entries_{};
};

} // namespace gup::inline GUP_NAMESPACE::detail
