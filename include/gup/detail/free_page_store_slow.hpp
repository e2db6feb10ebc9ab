// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The slow paths of free_page_store: everything that takes its lock.

#include "gup/detail/free_page_store.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// Gives a thread's pages back when the thread ends.
struct at_thread_end {
    ~at_thread_end() {
        for (;;) {
            slow_turn turn; // one for each: the end of a store may be the end of others
            thread_magazines& mine = this_thread_magazines;
            mine.ended = true;
            turn.current = nullptr;
            if (mine.all == nullptr) return;
            magazine& m = *mine.all;
            mine.all = m.next_of_thread;
            if (m.dispose != nullptr) free_page_store::detach(m, turn); // null: wiped, this is a forked child
        }
    }
    void arm() noexcept {} // naming the object makes the compiler construct it
};
inline thread_local at_thread_end this_thread_end;

/// The thread's magazine of this store, made the current one; null if it has none. Forgets those of stores
/// that are gone.
inline magazine* free_page_store::find_magazine(slow_turn& turn) noexcept {
    thread_magazines& mine = this_thread_magazines;
    for (magazine** link = &mine.all; *link != nullptr;) {
        magazine& m = **link;
        const free_page_store* const owner = m.owner.load(std::memory_order_relaxed);
        if (owner == magazine::inside()) interrupted_by_itself();
        if (owner == nullptr || m.gone.load(std::memory_order_acquire)) {
            *link = m.next_of_thread;
            if (turn.current == &m) turn.current = nullptr;
            if (m.dispose != nullptr) m.let_go();
        } else if (owner == this) {
            return turn.current = &m;
        } else {
            link = &m.next_of_thread;
        }
    }
    return nullptr;
}

/// A new magazine for this thread; null if the thread is ending or there is no memory. Needs the lock.
inline magazine* free_page_store::attach_magazine(slow_turn& turn) noexcept {
    thread_magazines& mine = this_thread_magazines;
    if (mine.ended || closed_) return nullptr;
    magazine* const m = calls_.make_magazine();
    if (m == nullptr) return nullptr;
    this_thread_end.arm();
    m->owner.store(this, std::memory_order_relaxed);
    m->fenced = fenced_;
    m->capacity = 2 * batch_;
    m->capacity_for_only = lookups_ ? 0 : m->capacity;
    m->next_of_thread = std::exchange(mine.all, m);
    m->next_of_store = std::exchange(magazines_, m);
    m->open.store(true, std::memory_order_release);
    return turn.current = m;
}

/// Moves all pages of a closed magazine to the depot, waiting for its thread to finish what it is doing.
/// False if the kernel refuses the barrier: then its thread still owns the pages. The caller's own magazine
/// needs none.
inline bool free_page_store::empty_magazine(magazine& m, const slow_turn& turn) noexcept {
    m.open.store(false, std::memory_order_seq_cst);
    if (!fenced_ && turn.current != &m && !calls_.barrier()) {
        m.open.store(true, std::memory_order_release);
        return false;
    }
    while (m.owner.load(std::memory_order_seq_cst) == magazine::inside()) yield_processor();
    depot_.push(m.take_all());
    return true;
}

/// Brings the pages of all magazines to the depot.
inline void free_page_store::collect(const slow_turn& turn) noexcept {
    for (magazine* m = magazines_; m != nullptr; m = m->next_of_store) {
        if (m->count.load(std::memory_order_relaxed) == 0) continue; // saves the barrier
        if (empty_magazine(*m, turn)) m->open.store(true, std::memory_order_release);
    }
}

/// Fills the calling thread's magazine up to a batch, or less that as much is left for others: a pool with
/// few pages for its threads would else move them to and fro. Needs the lock.
inline void free_page_store::refill(magazine& m) noexcept {
    const std::size_t share = depot_.size() / 2;
    const std::size_t wanted = share < batch_ ? share : batch_ - 1;
    while (m.count.load(std::memory_order_relaxed) < wanted) m.push(*depot_.pop());
}

[[gnu::noinline]] inline page* free_page_store::take_slowly() noexcept {
    if (process_ != this_process())
        return nullptr; // the child's copy is not pinned, and the lock may be held for ever
    slow_turn turn;
    magazine* m = find_magazine(turn);
    if (m != nullptr && m->enter(*this)) {
        page* const p = m->pop();
        m->leave(*this);
        if (p != nullptr) return p;
    }
    const std::lock_guard lock(lock_);
    if (closed_) return nullptr;
    if (m == nullptr) m = attach_magazine(turn);
    page* p = depot_.pop();
    if (p == nullptr) {
        collect(turn);
        p = depot_.pop();
    }
    if (p != nullptr && m != nullptr) refill(*m);
    return p;
}

[[gnu::noinline]] inline void free_page_store::give_back_slowly(page& p) noexcept {
    if (process_ != this_process()) return;
    slow_turn turn;
    magazine* m = find_magazine(turn);
    if (m != nullptr && m->enter(*this)) { // the thread uses several stores in turn
        const bool room = m->count.load(std::memory_order_relaxed) < m->capacity;
        if (room) m->push(p);
        m->leave(*this);
        if (room) return;
    }
    std::unique_lock lock(lock_);
    depot_.push(p);
    if (m == nullptr) m = attach_magazine(turn);
    // under the lock the magazine is ours to change, open or not
    if (m != nullptr) depot_.push(m->take_all_but(batch_));
    destroy_if_over(lock, turn);
}

[[gnu::noinline]] inline bool free_page_store::take_all_slowly(std::span<page*> pages) noexcept {
    if (process_ != this_process()) return false;
    slow_turn turn;
    magazine* m = find_magazine(turn);
    const std::lock_guard lock(lock_); // from the first page on: a failing request hides none
    if (closed_) return false;
    if (m == nullptr) m = attach_magazine(turn);
    std::size_t got = m != nullptr ? m->pop(pages) : 0;
    while (got < pages.size() && (pages[got] = depot_.pop()) != nullptr) ++got;
    if (got < pages.size()) collect(turn);
    while (got < pages.size() && (pages[got] = depot_.pop()) != nullptr) ++got;
    if (got == pages.size()) return true;
    while (got > 0) depot_.push(*pages[--got]);
    return false;
}

inline bool free_page_store::take_all(std::size_t wanted, page_chain& chain) noexcept {
    if (process_ != this_process()) return false;
    slow_turn turn;
    find_magazine(turn);
    const std::lock_guard lock(lock_); // held throughout: two requests must not starve each other of the rest
    if (closed_) return false;
    if (depot_.size() < wanted) collect(turn);
    if (depot_.size() < wanted) return false;
    while (chain.count < wanted) chain.push(*depot_.pop());
    return true;
}

inline bool free_page_store::start_lookups() noexcept {
    if (process_ != this_process()) return false;
    slow_turn turn;
    find_magazine(turn);
    const std::lock_guard lock(lock_);
    lookups_ = true;
    bool waited_for_all = true;
    for (magazine* m = magazines_; m != nullptr; m = m->next_of_store) {
        if (empty_magazine(*m, turn)) {
            m->capacity_for_only = 0;
            m->open.store(true, std::memory_order_release);
        } else {
            waited_for_all = false;
        }
    }
    // only now: another look-up must not pass by while puts are still waited for
    if (waited_for_all) lookups_ready_.store(true, std::memory_order_release);
    return waited_for_all;
}

inline void free_page_store::close() noexcept {
    if (process_ != this_process()) return; // the parent's business
    slow_turn turn;
    find_magazine(turn);
    std::unique_lock lock(lock_);
    closed_ = true;
    for (magazine** link = &magazines_; *link != nullptr;) {
        magazine& m = **link;
        if (!empty_magazine(m, turn)) { // its thread brings the pages back when it ends
            link = &m.next_of_store;
            continue;
        }
        *link = m.next_of_store;
        m.lock_guard();
        m.gone.store(true, std::memory_order_release);
        m.unlock_guard();
        m.let_go();
    }
    destroy_if_over(lock, turn);
}

inline std::size_t free_page_store::free_pages() noexcept {
    if (process_ != this_process()) return 0;
    const slow_turn turn;
    const std::lock_guard lock(lock_);
    std::size_t pages = depot_.size();
    for (const magazine* m = magazines_; m != nullptr; m = m->next_of_store)
        pages += m->count.load(std::memory_order_relaxed);
    return pages;
}

inline void free_page_store::destroy_if_over(std::unique_lock<std::mutex>& lock, slow_turn& turn) noexcept {
    if (!closed_ || magazines_ != nullptr || depot_.size() != arrays_.pages()) return;
    lock.unlock(); // nobody else can come: no page is out and no thread is attached
    turn.end();
    destroy_(*this);
}

inline void free_page_store::detach(magazine& m, slow_turn& turn) noexcept {
    for (;;) {
        m.lock_guard(); // keeps the store from going away
        const bool gone = m.gone.load(std::memory_order_acquire);
        free_page_store* const store = gone ? nullptr : m.owner.load(std::memory_order_relaxed);
        if (store == magazine::inside()) interrupted_by_itself();
        if (store == nullptr || store->lock_.try_lock()) {
            if (store != nullptr) {
                std::unique_lock lock(store->lock_, std::adopt_lock);
                magazine** link = &store->magazines_;
                while (*link != &m) link = &(*link)->next_of_store;
                *link = m.next_of_store;
                store->depot_.push(m.take_all());
                m.unlock_guard();
                m.let_go(); // the store's hold
                store->destroy_if_over(lock, turn);
            } else {
                m.unlock_guard();
            }
            m.let_go(); // the thread's hold
            return;
        }
        m.unlock_guard(); // the store wants the guard while it holds its lock: let it have it
        yield_processor();
    }
}

} // namespace gup::inline GUP_NAMESPACE::detail
