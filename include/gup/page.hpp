// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The 16-byte descriptor of one page: who holds it and whether it is dirty. Its address and owner follow
/// from where the descriptor lies (see zone.hpp).

#include "gup/detail/reference_counts.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE {

namespace detail {
struct page_access;
struct stand_in;
} // namespace detail

/// Descriptor of one page of a pool. Descriptors live in page arrays; programs hold references, not pages.
class alignas(16) page {
public:
    page(const page&) = delete;
    page& operator=(const page&) = delete;

private:
    friend struct detail::page_access;
    friend struct detail::stand_in;
    page() = default; // trivial: page arrays are zeroed memory

    detail::counted counted_;
    // Flags in the top byte; below it the next page of a free list while no reference is out, else, if the
    // page was ever named, the numbers of its names in address spaces and of those who have frozen it.
    std::uint64_t state_;
};

static_assert(sizeof(page) == 16 && alignof(page) == 16,
              "the low four bits of a page's address are free for tags");

namespace detail {

/// Page numbers count in units of 4096 bytes, whatever the system's page size: an address shifted by this.
/// No page of a pool is smaller.
inline constexpr unsigned pfn_shift = 12;

/// The library's own way into a descriptor.
struct page_access {
    static constexpr std::uint64_t dirty_flag = std::uint64_t{1} << 56;
    static constexpr std::uint64_t dynamic_flag = std::uint64_t{1} << 57;
    static constexpr std::uint64_t named_flag = std::uint64_t{1} << 58;
    static constexpr std::uint64_t outdated_flag = std::uint64_t{1} << 59;
    static constexpr std::uint64_t link_mask = dirty_flag - 1;
    // names are counted below, those who froze the page above
    static constexpr std::uint64_t one_freeze = std::uint64_t{1} << 32;
    static constexpr std::uint64_t name_mask = one_freeze - 1;

    static reference_counts& counts(page& p) noexcept { return p.counted_.counts; }
    static const reference_counts& counts(const page& p) noexcept { return p.counted_.counts; }
    static page& from(counted& c) noexcept {
        static_assert(offsetof(page, counted_) == 0 && std::is_standard_layout_v<page>);
        return reinterpret_cast<page&>(c);
    }
    static counted& counted_of(page& p) noexcept { return p.counted_; }

    /// True for the page of memory that the library did not allocate (see dynamic_page.hpp).
    static bool dynamic(const page& p) noexcept {
        return (state(p).load(std::memory_order_relaxed) & dynamic_flag) != 0;
    }
    static void set_dynamic(page& p) noexcept { state(p).store(dynamic_flag, std::memory_order_relaxed); }

    /// Ties a page that nobody holds into a free list; its content and dirty flag are lost here.
    static void set_link(page& p, page* next) noexcept {
        state(p).store(reinterpret_cast<std::uint64_t>(next), std::memory_order_relaxed); // below the flags
    }
    static page* link(const page& p) noexcept {
        return reinterpret_cast<page*>(state(p).load(std::memory_order_relaxed) & link_mask);
    }

    static bool dirty(const page& p) noexcept {
        return (state(p).load(std::memory_order_acquire) & dirty_flag) != 0;
    }
    /// Always a locked instruction: a test first could miss a concurrent write-back that has just cleared the
    /// flag.
    static void set_dirty(page& p) noexcept { state(p).fetch_or(dirty_flag, std::memory_order_release); }
    static bool clear_dirty(page& p) noexcept {
        return (state(p).fetch_and(~dirty_flag, std::memory_order_acq_rel) & dirty_flag) != 0;
    }

    /// One name more for a page in use; returns how many it has then. Every change of and look at the names
    /// reads and writes the word: who adds a name or freezes the page and then finds no writing pin, and who
    /// pins for writing and then finds one name and the page not frozen, cannot both be right (see
    /// address_space.hpp).
    static std::uint64_t add_name(page& p) noexcept {
        std::uint64_t seen = state(p).load(std::memory_order_relaxed);
        std::uint64_t next = 0;
        do {
            // the link of a page that was never named is left over from its free list
            next = (seen & named_flag) != 0 ? seen + 1 : (seen & ~link_mask) | named_flag | 1;
        } while (!state(p).compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                                 std::memory_order_relaxed));
        return next & name_mask;
    }
    static void drop_name(page& p) noexcept { state(p).fetch_sub(1, std::memory_order_acq_rel); }
    /// Keeps a page that was found by name from being pinned for writing through one, whatever its names.
    static void freeze(page& p) noexcept { state(p).fetch_add(one_freeze, std::memory_order_acq_rel); }
    static void thaw(page& p) noexcept { state(p).fetch_sub(one_freeze, std::memory_order_acq_rel); }
    /// True if the page has one name, and is frozen by at most so many.
    static bool only_name(page& p, std::uint64_t freezes = 0) noexcept {
        const std::uint64_t seen = state(p).fetch_add(0, std::memory_order_acq_rel);
        return (seen & name_mask) == 1 && (seen & link_mask) / one_freeze <= freezes &&
               (seen & named_flag) != 0;
    }
    /// How many names the page has; without the promise above.
    static std::uint64_t names(const page& p) noexcept {
        const std::uint64_t seen = state(p).load(std::memory_order_acquire);
        return (seen & named_flag) != 0 ? seen & name_mask : 0;
    }

    /// Of a proxy: its name has been given a copy of the page. Before the name is dropped.
    static void set_outdated(page& p) noexcept {
        state(p).fetch_or(outdated_flag, std::memory_order_release);
    }
    static bool outdated(const page& p) noexcept {
        return (state(p).load(std::memory_order_acquire) & outdated_flag) != 0;
    }

private:
    static std::atomic_ref<std::uint64_t> state(const page& p) noexcept {
        return std::atomic_ref<std::uint64_t>(const_cast<page&>(p).state_); // never a const object
    }
};

} // namespace detail

/// True if any pinned reference to the page is out. Exact, unlike the kernel's: the counts are kept apart.
/// Thread-safe; the answer may be old by the time it is used unless the caller prevents new pins.
inline bool page_maybe_dma_pinned(const page& p) noexcept { return detail::page_access::counts(p).pinned(); }

} // namespace gup::inline GUP_NAMESPACE
