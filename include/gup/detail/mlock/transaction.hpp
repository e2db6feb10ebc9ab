// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Locks the pages of a range that no pin holds yet, all or none: needed because mlock itself leaves what it
/// could lock locked when it fails, and returns success for memory that it ignores.

#include "gup/detail/mlock/locked_ranges.hpp"
#include "gup/detail/spin_lock.hpp"
#include "gup/detail/vma.hpp"
#include "gup/kernel.hpp"
#include "gup/memlock_budget.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <vector>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

namespace gup::inline GUP_NAMESPACE::detail {

/// A call that the kernel, or the budget, refused; no text yet, so that it can be filled in under a lock.
struct lock_refusal {
    const char* call = nullptr; ///< null: nothing was refused
    int error = 0;
    page_range pages{};     ///< what the call was about
    std::uint64_t need = 0; ///< bytes that the whole pin had to lock
    int stuck_error = 0;    ///< the roll-back failed too, and
    page_range stuck{};     ///< these pages stay locked
};

/// Used once. `lock` protects `ranges` and is not held during a system call, nor for many ranges; the caller
/// keeps all others from changing which pages are in the set at all.
template <class Kernel>
class mlock_transaction {
public:
    mlock_transaction(locked_ranges& ranges, spin_lock& lock, page_range pages, bool on_fault) noexcept
        : ranges_(ranges), lock_(lock), pages_(pages), on_fault_(on_fault) {}
    mlock_transaction(const mlock_transaction&) = delete;
    mlock_transaction& operator=(const mlock_transaction&) = delete;
    ~mlock_transaction() {
        const std::scoped_lock locked(lock_);
        ranges_.withdraw();
    }

    /// Locks and counts; `held` is then the bytes really locked. On a refusal, or std::bad_alloc, all is as
    /// it was.
    lock_refusal run(std::size_t& held) {
        survey();
        if (refusal_.call == nullptr) prepare();
        if (refusal_.call == nullptr) lock();
        if (refusal_.call == nullptr) verify();
        if (refusal_.call == nullptr) {
            held = 0;
            std::span<const lock_piece> pieces = pieces_;
            std::uintptr_t next = pages_.begin;
            lock_.in_turns([&] {
                held += ranges_.add(pages_, next, pieces, on_fault_);
                return next != pages_.end;
            });
        }
        return refusal_;
    }

private:
    // Up to here asking for each page is cheaper than reading the list of all mappings.
    static constexpr std::size_t pages_to_probe = 32;

    void survey();
    void read_mappings();
    void survey_gap(page_range gap, std::size_t& first);
    void add_piece(page_range pages);
    void add_pages(page_range pages);
    void prepare();
    void lock() noexcept;
    void verify() noexcept;
    void roll_back(std::uintptr_t end) noexcept;
    void unlock(page_range run) noexcept;
    void refuse(const char* call, int result, page_range pages) noexcept;

    /// EBUSY exactly if the mapping of this page is locked, ENOMEM if there is none: msync looks at the flags
    /// and, with MS_INVALIDATE alone, does nothing else.
    static int probe(std::uintptr_t page) noexcept {
        return Kernel::msync(reinterpret_cast<void*>(page), page_size(), MS_INVALIDATE);
    }
    static std::size_t page_size() noexcept { return Kernel::page_size(); }
    const char* lock_call() const noexcept { return on_fault_ ? "mlock2" : "mlock"; }

    locked_ranges& ranges_;
    spin_lock& lock_;
    page_range pages_;
    bool on_fault_;
    std::vector<page_range> mappings_;
    std::vector<lock_gap> gaps_;
    std::vector<lock_piece> pieces_; // no piece spans two mappings
    lock_refusal refusal_;
};

/// Finds the gaps, cuts them where the mapping changes, and notes what is locked already. Changes nothing.
template <class Kernel>
void mlock_transaction<Kernel>::survey() {
    std::uintptr_t next = pages_.begin;
    lock_.in_turns([&] {
        ranges_.find_gaps(pages_, next, on_fault_, gaps_);
        return next != pages_.end;
    });
    const auto is_large = [](const lock_gap& gap) {
        return !gap.tracked && gap.pages.size() > pages_to_probe * page_size();
    };
    for (const lock_gap& gap : gaps_)
        if (is_large(gap)) {
            read_mappings();
            break;
        }
    std::size_t first = 0; // gaps and mappings are in the order of their addresses
    for (const lock_gap& gap : gaps_)
        if (!gap.tracked) survey_gap(gap.pages, first);
}

/// The list stays empty if /proc is not there: every page is probed then.
template <class Kernel>
void mlock_transaction<Kernel>::read_mappings() {
    std::string maps;
    if (read_maps<Kernel>(pages_, maps) != 0) return;
    for_each_vma(maps, [&](const vma& mapping) {
        if (!intersection(mapping.pages, pages_).empty()) mappings_.push_back(mapping.pages);
    });
}

template <class Kernel>
void mlock_transaction<Kernel>::survey_gap(page_range gap, std::size_t& first) {
    std::uintptr_t known = gap.begin;
    while (first < mappings_.size() && mappings_[first].end <= gap.begin) ++first;
    for (std::size_t i = first; i < mappings_.size() && mappings_[i].begin < gap.end; ++i) {
        const page_range part = intersection(mappings_[i], {known, gap.end});
        if (part.empty()) continue;
        add_pages({known, part.begin}); // a hole, unless the list was out of date
        add_piece(part);
        known = part.end;
    }
    add_pages({known, gap.end});
}

template <class Kernel>
void mlock_transaction<Kernel>::add_pages(page_range pages) {
    for (; !pages.empty() && refusal_.call == nullptr; pages.begin += page_size())
        add_piece({pages.begin, pages.begin + page_size()});
}

template <class Kernel>
void mlock_transaction<Kernel>::add_piece(page_range pages) {
    if (refusal_.call != nullptr) return;
    const int result = probe(pages.begin);
    if (result != 0 && result != -EBUSY) {
        refuse(result == -ENOMEM ? lock_call() : "msync", result, {pages.begin, pages.begin + page_size()});
        refusal_.need = 0; // a hole, not a budget
        return;
    }
    const bool foreign = result == -EBUSY;
    if (!foreign) refusal_.need += pages.size();
    pieces_.push_back({pages, {.held = foreign, .foreign = foreign, .on_fault = false}});
}

/// The last step that may throw: no call has changed anything yet. Refuses what is certain not to fit the
/// budget; the common case, gup's own locks and the new ones fit, costs one getrlimit.
template <class Kernel>
void mlock_transaction<Kernel>::prepare() {
    std::size_t locked_bytes = 0;
    node_chain<locked_range> nodes;
    const auto missing = [&] {
        const std::scoped_lock locked(lock_);
        locked_bytes = ranges_.locked_bytes();
        return ranges_.promise(gaps_.size() + pieces_.size(), nodes);
    };
    while (const std::size_t more = missing()) nodes.grow(more);
    std::uint64_t limit = 0;
    if (refusal_.need == 0 || Kernel::memlock_limit(limit) != 0 || limit == RLIM_INFINITY) return;
    if (saturating_add(locked_bytes, refusal_.need) <= limit) return;
    const memlock_budget budget = memlock_budget::read<Kernel>();
    const auto available = budget.available(pin_budget::locked_vm);
    if (budget.lifted != false || !available || refusal_.need <= *available) return;
    refuse(lock_call(), limit == 0 ? -EPERM : -ENOMEM, pages_);
}

template <class Kernel>
void mlock_transaction<Kernel>::lock() noexcept {
    for (const lock_gap& gap : gaps_) {
        const auto* const address = reinterpret_cast<const void*>(gap.pages.begin);
        const int result = on_fault_ ? Kernel::mlock2(address, gap.pages.size(), MLOCK_ONFAULT)
                                     : Kernel::mlock(address, gap.pages.size());
        if (result == 0) continue;
        refuse(lock_call(), result, gap.pages);
        return roll_back(gap.pages.end);
    }
}

/// Sees what the kernel really holds: it says nothing about memory that it cannot lock.
template <class Kernel>
void mlock_transaction<Kernel>::verify() noexcept {
    for (lock_piece& piece : pieces_) {
        const int result = probe(piece.pages.begin);
        if (result != 0 && result != -EBUSY) {
            refuse("msync", result, {piece.pages.begin, piece.pages.begin + page_size()});
            return roll_back(pages_.end);
        }
        piece.state.held = result == -EBUSY;
        piece.state.on_fault = piece.state.held && on_fault_;
    }
}

/// Unlocks what the calls up to `end` may have locked, the one that failed included, and nothing that was
/// locked before. In whole runs: unlocking a part of a mapping can fail for want of mappings.
template <class Kernel>
void mlock_transaction<Kernel>::roll_back(std::uintptr_t end) noexcept {
    page_range run;
    for (const lock_piece& piece : pieces_) {
        if (piece.pages.begin >= end) break;
        if (piece.state.foreign) continue;
        if (run.end != piece.pages.begin) {
            unlock(run);
            run.begin = piece.pages.begin;
        }
        run.end = piece.pages.end;
    }
    unlock(run);
}

template <class Kernel>
void mlock_transaction<Kernel>::unlock(page_range run) noexcept {
    if (run.empty()) return;
    const int result = Kernel::munlock(reinterpret_cast<const void*>(run.begin), run.size());
    if (result == 0) return;
    refusal_.stuck_error = -result;
    refusal_.stuck = {refusal_.stuck.empty() ? run.begin : refusal_.stuck.begin, run.end};
}

template <class Kernel>
void mlock_transaction<Kernel>::refuse(const char* call, int result, page_range pages) noexcept {
    refusal_.call = call;
    refusal_.error = -result;
    refusal_.pages = pages;
}

} // namespace gup::inline GUP_NAMESPACE::detail
