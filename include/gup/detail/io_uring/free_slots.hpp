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

/// Slots by number, taken and given back in runs. Passes over up to 4096 that are taken at a time, and 64
/// that are free. Not thread-safe.
class free_slots {
public:
    /// From `first` on so many slots, all free. Throws std::bad_alloc.
    free_slots(std::size_t first, std::size_t count)
        : first_(first), count_(count), taken_(words_for(count)), full_(words_for(taken_.size())) {
        if (count % bits != 0) taken_.back() = ~std::uint64_t{0} << count % bits; // there are no such slots
    }

    /// Takes the first run of so many free slots, and returns the number of its first; none if there is none.
    std::optional<std::size_t> take(std::size_t slots) noexcept {
        for (std::size_t begin = next_free(0); begin != count_;) {
            const std::size_t end = next_taken(begin, begin + slots);
            if (end - begin == slots) {
                set(begin, slots, true);
                return first_ + begin;
            }
            begin = next_free(end);
        }
        return std::nullopt;
    }
    void give_back(std::size_t slot, std::size_t slots) noexcept { set(slot - first_, slots, false); }

private:
    using words = std::vector<std::uint64_t>;
    static constexpr std::size_t bits = 64;

    static std::size_t words_for(std::size_t count) noexcept { return (count + bits - 1) / bits; }

    /// The first bit from `at` on that is set in the words, or that is not; `end` if none is before that.
    template <bool Set>
    static std::size_t find(const words& in, std::size_t at, std::size_t end) noexcept {
        for (std::uint64_t passed = ~std::uint64_t{0} << at % bits; at < end;
             at = (at / bits + 1) * bits, passed = ~std::uint64_t{0}) {
            const std::uint64_t word = in[at / bits];
            if (const std::uint64_t found = (Set ? word : ~word) & passed; found != 0)
                return std::min(at / bits * bits + static_cast<std::size_t>(std::countr_zero(found)), end);
        }
        return end;
    }
    std::size_t next_taken(std::size_t at, std::size_t end) const noexcept {
        return find<true>(taken_, at, std::min(end, count_));
    }
    /// Looks at the rest of a word, and after it only at one that has a free slot.
    std::size_t next_free(std::size_t at) const noexcept {
        const std::size_t end_of_word = std::min((at / bits + 1) * bits, count_);
        if (const std::size_t here = find<false>(taken_, at, end_of_word); here < end_of_word) return here;
        const std::size_t word = find<false>(full_, at / bits + 1, taken_.size());
        return word == taken_.size() ? count_ : find<false>(taken_, word * bits, count_);
    }
    void set(std::size_t begin, std::size_t slots, bool taken) noexcept {
        for (std::size_t at = begin; at < begin + slots; ++at) {
            std::uint64_t& word = taken_[at / bits];
            set_bit(word, at % bits, taken);
            set_bit(full_[at / bits / bits], at / bits % bits, word == ~std::uint64_t{0});
        }
    }
    static void set_bit(std::uint64_t& word, std::size_t bit, bool to) noexcept {
        word = (word & ~(std::uint64_t{1} << bit)) | std::uint64_t{to} << bit;
    }

    const std::size_t first_;
    const std::size_t count_;
    words taken_;
    words full_; // one bit for each word of taken_
};

} // namespace gup::inline GUP_NAMESPACE::detail
