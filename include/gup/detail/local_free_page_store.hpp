// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The free pages of a pool of a `local<>` domain: one list, one thread, no lock.

#include "gup/detail/free_list.hpp"
#include "gup/detail/magazine.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/reference_verbs.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

/// As free_page_store, for the one thread that made it.
class local_free_page_store {
public:
    using destroy_function = void (*)(local_free_page_store&) noexcept;

    template <class Kernel>
    local_free_page_store(page_arrays arrays, std::type_identity<Kernel>, destroy_function destroy) noexcept
        : arrays_(arrays), destroy_(destroy), free_(arrays) {}
    local_free_page_store(const local_free_page_store&) = delete;
    local_free_page_store& operator=(const local_free_page_store&) = delete;

    const page_arrays& arrays() const noexcept { return arrays_; }
    page* take() noexcept {
        check_thread();
        if (process_ != this_process() || !enter()) return nullptr;
        page* const p = free_.pop();
        leave();
        return p;
    }
    bool take_all(std::span<page*> pages) noexcept {
        check_thread();
        if (process_ != this_process() || free_.size() < pages.size() || !enter()) return false;
        for (page*& p : pages) p = free_.pop();
        leave();
        return true;
    }
    bool take_all(std::size_t wanted, page_chain& chain) noexcept {
        check_thread();
        if (process_ != this_process() || free_.size() < wanted || !enter()) return false;
        while (chain.count < wanted) chain.push(*free_.pop());
        leave();
        return true;
    }
    void give_back(page& p) noexcept {
        if (!enter()) return give_back_late(p);
        free_.push(p);
        leave();
    }
    bool allow_lookups() noexcept {
        check_thread();
        return process_ == this_process();
    }
    std::size_t free_pages() noexcept { return free_.size(); }
    void close() noexcept {
        if (process_ != this_process()) return; // a forked child: the parent's business
        if (!enter()) return;
        leave(state::closed);
        destroy_if_over();
    }

    static void on_release(zone& z, counted& c) noexcept {
        static_cast<local_free_page_store*>(zone_access::owner(z))->give_back(page_access::from(c));
    }

private:
    enum class state : std::uint8_t { open, inside, closed };

    /// The thread's turn; false if the pool is closed. Ends the program in a signal handler that interrupts
    /// another: it would get the very page that its thread is about to get.
    bool enter() noexcept {
        const state now = state_.load(std::memory_order_relaxed);
        if (now != state::open) [[unlikely]] {
            if (now == state::inside) interrupted_by_itself();
            return false;
        }
        state_.store(state::inside, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        return true;
    }
    void leave(state after = state::open) noexcept {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        state_.store(after, std::memory_order_relaxed);
    }
    [[gnu::cold, gnu::noinline]] void give_back_late(page& p) noexcept {
        free_.push(p);
        destroy_if_over();
    }

    /// For the verbs that take from the pool; those that take a reference check on their own.
    void check_thread() const noexcept {
        if (zone_access::thread(arrays_.zone_at(0)) != this_thread_identity()) on_wrong_thread();
    }
    void destroy_if_over() noexcept {
        if (free_.size() == arrays_.pages() && process_ == this_process()) destroy_(*this);
    }

    const page_arrays arrays_;
    const destroy_function destroy_;
    const process_identity process_ = this_process();
    free_list free_;
    std::atomic<state> state_{state::open};
};

} // namespace gup::inline GUP_NAMESPACE::detail
