// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Which slots of a buffer table are free.

#include "gup/version.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// Slots by number, taken and given back in runs. Passes over up to 64 at a time. Not thread-safe.
class free_slots {
public:
    /// From `first` on so many slots, all free. Throws std::bad_alloc.
    free_slots(std::size_t first, std::size_t count)
        : first_(first), count_(count), taken_((count + bits - 1) / bits) {
        if (count % bits != 0) taken_.back() = ~std::uint64_t{0} << count % bits; // there are no such slots
    }

    /// Takes the first run of so many free slots, and returns the number of its first; none if there is none.
    std::optional<std::size_t> take(std::size_t slots) noexcept {
        std::size_t begin = next(lowest_free_, false);
        lowest_free_ = begin;
        while (begin != count_) {
            const std::size_t end = next(begin, true);
            if (end - begin >= slots) {
                set(begin, slots, true);
                return first_ + begin;
            }
            begin = next(end, false);
        }
        return std::nullopt;
    }
    void give_back(std::size_t slot, std::size_t slots) noexcept {
        set(slot - first_, slots, false);
        lowest_free_ = std::min(lowest_free_, slot - first_);
    }

private:
    static constexpr std::size_t bits = 64;

    /// The first slot from `at` on that is taken or free; the number of slots if none is.
    std::size_t next(std::size_t at, bool taken) const noexcept {
        if (at >= count_) return count_;
        const auto wanted = [&](std::size_t word) { return taken ? taken_[word] : ~taken_[word]; };
        std::size_t word = at / bits;
        std::uint64_t left = wanted(word) & ~std::uint64_t{0} << at % bits;
        while (left == 0) {
            if (++word == taken_.size()) return count_;
            left = wanted(word);
        }
        return word * bits + static_cast<std::size_t>(std::countr_zero(left));
    }
    void set(std::size_t begin, std::size_t slots, bool taken) noexcept {
        for (std::size_t at = begin; at < begin + slots; ++at) {
            const std::uint64_t bit = std::uint64_t{1} << at % bits;
            taken_[at / bits] = taken ? taken_[at / bits] | bit : taken_[at / bits] & ~bit;
        }
    }

    const std::size_t first_;
    const std::size_t count_;
    std::vector<std::uint64_t> taken_;
    std::size_t lowest_free_ = 0; // none below is free
};

} // namespace gup::inline GUP_NAMESPACE::detail
