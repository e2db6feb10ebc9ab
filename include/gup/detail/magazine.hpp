// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A thread's cache of free pages of one pool. Its thread uses it without a locked instruction; another
/// thread may empty it, at the price of a membarrier system call.
///
/// Protocol: the owner raises `busy`, looks at `open`, works, lowers `busy`. Whoever wants the pages holds
/// the store's lock, lowers `open`, makes every running thread pass a barrier, and waits for `busy` to fall.
/// Either the owner saw that `open` was down and stays away, or the other sees `busy` and waits.

#include "gup/detail/free_list.hpp"
#include "gup/detail/spin_lock.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gup::inline GUP_NAMESPACE::detail {

class free_page_store;

/// Lies alone in memory that a forked child sees zeroed, where it reads as closed, empty and ownerless.
struct alignas(64) magazine {
    std::atomic<free_page_store*> owner{nullptr}; // null once the store is gone, and in a forked child
    std::atomic<bool> open{false};
    std::atomic<bool> busy{false};
    bool fenced = false;        // no membarrier on this kernel: the owner pays for the barrier itself
    std::uint32_t capacity = 0; // at most `places`
    std::atomic<std::uint32_t> count{0}; // atomic only so that others may estimate

    magazine* next_of_thread = nullptr;
    magazine* next_of_store = nullptr;
    std::atomic<bool> guard{false};   // held while the thread or the store lets go of the other
    std::atomic<unsigned> holders{2}; // the thread and the store
    void (*dispose)(magazine&) noexcept = nullptr;

    static constexpr std::uint32_t places = 64;
    std::array<page*, places> pages{}; // an array, not a chain: pages are got without waiting for one another

    /// The owner's turn: false if the pages must be left alone; then the store's lock is the way.
    bool enter() noexcept {
        if (fenced) {
            busy.store(true, std::memory_order_seq_cst);
            if (open.load(std::memory_order_seq_cst)) return true;
        } else {
            busy.store(true, std::memory_order_relaxed);
            std::atomic_signal_fence(
                std::memory_order_seq_cst); // the membarrier of the other side orders the rest
            if (open.load(std::memory_order_acquire)) [[likely]]
                return true;
        }
        leave();
        return false;
    }
    void leave() noexcept { busy.store(false, std::memory_order_release); }

    page* pop() noexcept {
        const std::uint32_t held = count.load(std::memory_order_relaxed);
        if (held == 0) return nullptr;
        count.store(held - 1, std::memory_order_relaxed);
        return pages[held - 1];
    }
    /// As many pages as `wanted` has places, or all there are: their number.
    std::size_t pop(std::span<page*> wanted) noexcept {
        const std::uint32_t held = count.load(std::memory_order_relaxed);
        const auto taken = static_cast<std::uint32_t>(wanted.size() < held ? wanted.size() : held);
        for (std::uint32_t i = 0; i < taken; ++i) wanted[i] = pages[held - 1 - i];
        count.store(held - taken, std::memory_order_relaxed);
        return taken;
    }
    void push(page& p) noexcept {
        const std::uint32_t held = count.load(std::memory_order_relaxed);
        put(held, p);
        count.store(held + 1, std::memory_order_relaxed);
    }
    /// Puts a page into a place that is not counted yet; its content and dirty flag are lost here.
    void put(std::uint32_t place, page& p) noexcept {
        page_access::set_link(p, nullptr);
        pages[place] = &p;
    }
    /// All pages but the `keep` that lie lowest.
    page_chain take_all_but(std::uint32_t keep) noexcept {
        page_chain chain;
        std::uint32_t held = count.load(std::memory_order_relaxed);
        while (held > keep) chain.push(*pages[--held]);
        count.store(held, std::memory_order_relaxed);
        return chain;
    }
    /// All pages at once; the magazine is empty afterwards.
    page_chain take_all() noexcept { return take_all_but(0); }

    void lock_guard() noexcept {
        while (guard.exchange(true, std::memory_order_acquire)) yield_processor();
    }
    void unlock_guard() noexcept { guard.store(false, std::memory_order_release); }

    /// One of the two holders lets go; the second frees the memory.
    void let_go() noexcept {
        if (holders.fetch_sub(1, std::memory_order_acq_rel) == 1) dispose(*this);
    }
};

/// The calling thread's magazines: the one used last, which the fast path tries, and all of them. Of shared
/// objects that hide their symbols each has its own, as if it were another thread: they hold functions of the
/// object that made them, and go before it can.
struct thread_magazines {
    magazine* current = nullptr;
    magazine* all = nullptr;
    bool ended = false; // the thread is running its last destructors: no magazine any more
};

inline constinit thread_local thread_magazines this_thread_magazines{};

} // namespace gup::inline GUP_NAMESPACE::detail
