// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A thread's cache of free pages of one pool. Its thread uses it without a locked instruction; another
/// thread may empty it, at the price of a membarrier system call.
///
/// Protocol: the thread writes that it is inside where the store's name was, looks at `open`, works, and puts
/// the name back. Whoever wants the pages holds the store's lock, lowers `open`, makes every running thread
/// pass a barrier, and waits until nobody is inside. Either the thread saw that `open` was down and stays
/// away, or the other sees that it is inside and waits. A signal handler that comes meanwhile finds no
/// magazine of the store, and on the slow path why: it would get the very page that its thread is about to
/// get.

#include "gup/detail/free_list.hpp"
#include "gup/detail/spin_lock.hpp"
#include "gup/error.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

class free_page_store;

/// Lies alone in memory that a forked child sees zeroed, where it reads as closed, empty and ownerless.
struct alignas(64) magazine {
    /// Written by the thread only: the store, or that it is inside; null in a forked child.
    std::atomic<free_page_store*> owner{nullptr};
    std::atomic<bool> open{false};
    std::atomic<bool> gone{false}; // the store is: from then on never open, and `owner` of no meaning
    bool fenced = false;           // no membarrier on this kernel: the owner pays for the barrier itself
    std::uint32_t capacity = 0;    // at most `places`
    std::uint32_t capacity_for_only = 0; // as many; 0 once pages can be looked up (see give_back_each)
    std::atomic<std::uint32_t> count{0}; // atomic only so that others may estimate

    magazine* next_of_thread = nullptr;
    magazine* next_of_store = nullptr;
    std::atomic<bool> guard{false};   // held while the thread or the store lets go of the other
    std::atomic<unsigned> holders{2}; // the thread and the store
    void (*dispose)(magazine&) noexcept = nullptr;

    static constexpr std::uint32_t places = 504; // with the rest a page of memory
    std::array<page*, places> pages{}; // an array, not a chain: pages are got without waiting for one another

    /// What is instead of the store's name while the thread is inside.
    static free_page_store* inside() noexcept { return reinterpret_cast<free_page_store*>(1); }

    /// The turn of its thread: false if the pages must be left alone; then the store's lock is the way.
    [[gnu::always_inline]] bool enter(free_page_store& store) noexcept {
        if (fenced) [[unlikely]] {
            owner.store(inside(), std::memory_order_seq_cst);
            if (open.load(std::memory_order_seq_cst)) return true;
        } else {
            owner.store(inside(), std::memory_order_relaxed);
            // the membarrier of the other side orders the rest
            std::atomic_signal_fence(std::memory_order_seq_cst);
            if (open.load(std::memory_order_acquire)) [[likely]]
                return true;
        }
        leave(store);
        return false;
    }
    void leave(free_page_store& store) noexcept { owner.store(&store, std::memory_order_release); }

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
    std::atomic<magazine*> current{nullptr};
    magazine* all = nullptr;
    bool ended = false;              // the thread is running its last destructors: no magazine any more
    std::atomic<bool> slowly{false}; // see slow_turn
};

inline constinit thread_local thread_magazines this_thread_magazines{};

[[noreturn, gnu::cold, gnu::noinline]] inline void interrupted_by_itself() noexcept {
    rule_broken(
        "a signal handler used a page pool, or dropped the last reference to a page, while its thread was "
        "doing so: have the handler tell the program's loop, which may");
}

/// The calling thread is on a slow path, and has no current magazine meanwhile. Ends the program if it was on
/// one already: then this is a signal handler, which would wait for its own thread.
class slow_turn {
public:
    slow_turn() noexcept {
        if (mine_.slowly.load(std::memory_order_relaxed)) interrupted_by_itself();
        mine_.slowly.store(true, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        current = mine_.current.load(std::memory_order_relaxed);
        mine_.current.store(nullptr, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    slow_turn(const slow_turn&) = delete;
    slow_turn& operator=(const slow_turn&) = delete;
    ~slow_turn() { end(); }

    /// Before what may use a pool itself, such as the end of one.
    void end() noexcept {
        if (std::exchange(ended_, true)) return;
        mine_.current.store(current, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        mine_.slowly.store(false, std::memory_order_relaxed);
    }

    magazine* current; ///< what is it again afterwards

private:
    thread_magazines& mine_ = this_thread_magazines;
    bool ended_ = false;
};

} // namespace gup::inline GUP_NAMESPACE::detail
