// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The counts of a page in one 64-bit word: what kinds of reference are out, each exact and one load away.

#include "gup/dma_access.hpp"
#include "gup/error.hpp"

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// Counts that any thread may change.
struct shared_counting {};
/// Counts that only one thread may change: plain arithmetic, no locked instruction.
struct local_counting {};

/// What one reference adds to the word. The total stands above the two kinds of pin and is as wide as each of
/// them with one bit to spare: it reaches the sign bit before either pin count can run over, so that one test
/// of the sign, which the addition has set already, finds every overflow.
enum class reference_kind : std::uint64_t {
    plain = std::uint64_t{1} << 42,         ///< page_ref
    reader = plain | std::uint64_t{1},      ///< a pin through which no device writes
    writer = plain | std::uint64_t{1} << 21 ///< a pin through which a device may write
};

/// The kind of a pinned reference with this access.
constexpr reference_kind kind_of(dma_access access) noexcept {
    return device_may_write(access) ? reference_kind::writer : reference_kind::reader;
}

/// The word. Lives in zeroed memory of the page array, so it has no constructor: all zero means no reference.
class reference_counts {
public:
    /// Adds one reference to a page that has one already.
    template <class Counting>
    void add(reference_kind kind) noexcept {
        const auto step = static_cast<std::uint64_t>(kind);
        if constexpr (std::is_same_v<Counting, local_counting>) {
            word_ += step;
            if (static_cast<std::int64_t>(word_) < 0) overflow();
        } else {
            if (static_cast<std::int64_t>(atomic().fetch_add(step, std::memory_order_relaxed) + step) < 0)
                overflow();
        }
    }

    /// As add, for what may have none yet; true if this is the first. Whoever adds to it with add_unless_free
    /// sees what was written before.
    template <class Counting>
    [[nodiscard]] bool add_maybe_first(reference_kind kind) noexcept {
        const auto step = static_cast<std::uint64_t>(kind);
        std::uint64_t before = 0;
        if constexpr (std::is_same_v<Counting, local_counting>)
            before = std::exchange(word_, word_ + step);
        else
            before = atomic().fetch_add(step, std::memory_order_acq_rel);
        if (static_cast<std::int64_t>(before + step) < 0) overflow();
        return before == 0;
    }

    /// Turns a pin into a plain reference; true if it was the last pin.
    template <class Counting>
    [[nodiscard]] bool unpin(reference_kind kind) noexcept {
        const auto step =
            static_cast<std::uint64_t>(kind) - static_cast<std::uint64_t>(reference_kind::plain);
        if constexpr (std::is_same_v<Counting, local_counting>) {
            word_ -= step;
            return !pinned();
        } else {
            return pins_in(atomic().fetch_sub(step, std::memory_order_acq_rel) - step) == 0;
        }
    }

    /// Removes one reference; true if it was the last of any kind.
    template <class Counting>
    [[nodiscard]] bool drop(reference_kind kind) noexcept {
        const auto step = static_cast<std::uint64_t>(kind);
        if constexpr (std::is_same_v<Counting, local_counting>) {
            return (word_ -= step) == 0;
        } else {
            // acquire on the last drop: whoever gets the page next sees what every holder wrote
            return atomic().fetch_sub(step, std::memory_order_acq_rel) == step;
        }
    }

    /// As drop, without a locked instruction, if this is the only reference; false, and nothing done, if it
    /// is not. Correct only while no look-up by address is possible (see free_page_store::give_back_each).
    [[nodiscard]] bool drop_if_only(reference_kind kind) noexcept {
        if (load() != static_cast<std::uint64_t>(kind)) return false;
        atomic().store(0, std::memory_order_relaxed);
        return true;
    }

    /// The first reference of a page that its finder owns alone.
    void start(reference_kind kind) noexcept {
        atomic().store(static_cast<std::uint64_t>(kind), std::memory_order_release);
    }

    /// Adds one reference unless the page has none.
    [[nodiscard]] bool add_unless_free(reference_kind kind) noexcept {
        const auto step = static_cast<std::uint64_t>(kind);
        std::uint64_t seen = atomic().load(std::memory_order_relaxed);
        do {
            if (seen == 0) return false;
        } while (!atomic().compare_exchange_weak(seen, seen + step, std::memory_order_acquire,
                                                 std::memory_order_relaxed));
        if (static_cast<std::int64_t>(seen + step) < 0) overflow();
        return true;
    }

    /// As add_unless_free, for what data can drive: also false where there are so many already that the rest
    /// is left to the program's own (see crowded).
    [[nodiscard]] bool add_unless_free_or_crowded(reference_kind kind) noexcept {
        std::uint64_t seen = atomic().load(std::memory_order_relaxed);
        do {
            if (seen - 1 >= crowd - 1) return false; // none wraps around
        } while (!atomic().compare_exchange_weak(seen, seen + static_cast<std::uint64_t>(kind),
                                                 std::memory_order_acquire, std::memory_order_relaxed));
        return true;
    }

    /// True if three of four references that fit are out. Who adds them as data tells refuses to from here
    /// on: more of the program's own than fit end it.
    bool crowded() const noexcept { return load() >= crowd; }

    /// False if a reference of this kind, which somebody believes to hold, is not among those counted.
    bool holds(reference_kind kind) const noexcept {
        const std::uint64_t word = load();
        const std::uint64_t one_pin = pins_in(static_cast<std::uint64_t>(kind));
        const std::uint64_t pins = one_pin * ((std::uint64_t{1} << 21) - 1);
        return word >= static_cast<std::uint64_t>(reference_kind::plain) &&
               (one_pin == 0 || (word & pins) != 0);
    }
    /// True if no reference of any kind is out.
    bool none() const noexcept { return load() == 0; }
    /// True if any pin is out.
    bool pinned() const noexcept { return pins_in(load()) != 0; }
    /// True if a pin is out through which a device may write.
    bool device_may_write() const noexcept {
        constexpr std::uint64_t one_writer = std::uint64_t{1} << 21;
        return (load() & (static_cast<std::uint64_t>(reference_kind::plain) - one_writer)) != 0;
    }

private:
    static constexpr std::uint64_t crowd = static_cast<std::uint64_t>(reference_kind::plain) * (3U << 19);

    std::atomic_ref<std::uint64_t> atomic() const noexcept {
        return std::atomic_ref<std::uint64_t>(const_cast<std::uint64_t&>(word_)); // never a const object
    }
    static constexpr std::uint64_t pins_in(std::uint64_t word) noexcept {
        return word & (static_cast<std::uint64_t>(reference_kind::plain) - 1);
    }
    std::uint64_t load() const noexcept { return atomic().load(std::memory_order_acquire); }

    [[noreturn, gnu::cold, gnu::noinline]] static void overflow() noexcept {
        rule_broken("more than two million references to one page: a loop forgets to put");
    }

    std::uint64_t word_;
};

/// What a page and everything that stands in front of one begin with, so that a reference is taken and
/// dropped without asking which of them it leads to.
struct counted {
    reference_counts counts;
};

} // namespace gup::inline GUP_NAMESPACE::detail
