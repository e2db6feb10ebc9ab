// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Says what a fault in the views of a tracked pool means before the program dies of it.

#include "gup/detail/tracking.hpp"
#include "gup/detail/uncancelled.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unistd.h>

namespace gup::inline GUP_NAMESPACE::detail {

/// Where a page was got and put last.
struct page_history {
    call_site got{};
    call_site put{};
};

/// The views of one pool, as the handler of the signal finds them. Reused and never freed: the handler may be
/// looking.
struct watched_views {
    enum : int { unused, changing, watched };

    std::atomic<int> state{unused};
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    unsigned page_shift = 0;
    const page_history* history = nullptr;
    watched_views* next = nullptr;
};

inline constinit std::atomic<watched_views*> all_watched_views{nullptr};

/// Text that a handler of a signal may make; written in pieces if it is long.
class signal_text {
public:
    signal_text& operator<<(const char* text) noexcept {
        for (; *text != '\0'; ++text) {
            if (length_ == text_.size()) write();
            text_[length_++] = *text;
        }
        return *this;
    }
    signal_text& operator<<(std::uintptr_t number) noexcept {
        std::array<char, 24> digits{};
        std::size_t at = digits.size() - 1;
        do digits[--at] = static_cast<char>('0' + number % 10);
        while ((number /= 10) != 0);
        return *this << &digits[at];
    }
    signal_text& operator<<(const call_site& where) noexcept {
        return *this << where.file << ":" << where.line << " in " << where.function;
    }
    void write() noexcept {
        const uncancelled call;
        // nothing is to be done about a report that cannot be written
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text_.data(), length_);
        length_ = 0;
    }

private:
    std::array<char, 1024> text_{};
    std::size_t length_ = 0;
};

inline void report_fault(const watched_views& views, std::uintptr_t address) noexcept {
    const std::uintptr_t offset = address - views.first;
    const page_history& page = views.history[offset >> views.page_shift];
    signal_text text;
    text << "gup: a page's bytes were used while nobody held the page: byte "
         << (offset & ((std::uintptr_t{1} << views.page_shift) - 1)) << " of page "
         << (offset >> views.page_shift);
    if (page.got.line != 0) text << "\n  got at " << page.got << "\n  put ";
    if (page.put.line != 0)
        text << "at " << page.put;
    else if (page.got.line != 0)
        text << "by its destructor";
    text << "\n";
    text.write();
}

// Shared objects that hide their symbols have a handler, a list of views and this each: every handler knows
// its own views, and passes other faults on to the one before.
inline struct sigaction action_before_gup = {};

inline void on_fault(int signal, siginfo_t* info, void* context) noexcept {
    const bool sent = info->si_code <= 0; // by kill(2) or raise(3): there is no address, nothing faults again
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (const watched_views* views = all_watched_views.load(std::memory_order_acquire);
         views != nullptr && !sent; views = views->next) {
        if (views->state.load(std::memory_order_acquire) != watched_views::watched) continue;
        if (address < views->first || address >= views->last) continue;
        report_fault(*views, address);
        // the instruction faults again, and meets whoever was there before
        ::sigaction(SIGSEGV, &action_before_gup, nullptr);
        return;
    }
    if ((action_before_gup.sa_flags & SA_SIGINFO) != 0) {
        action_before_gup.sa_sigaction(signal, info, context);
    } else if (action_before_gup.sa_handler != SIG_DFL && action_before_gup.sa_handler != SIG_IGN) {
        action_before_gup.sa_handler(signal);
    } else if (!sent || action_before_gup.sa_handler == SIG_DFL) {
        ::sigaction(SIGSEGV, &action_before_gup, nullptr);
        if (sent) ::raise(SIGSEGV); // waits until this handler returns
    }
}

/// Makes `on_fault` the handler of SIGSEGV, before the one that is there.
inline bool handle_faults() noexcept {
    struct sigaction action = {};
    struct sigaction before = {};
    action.sa_sigaction = &on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    if (::sigaction(SIGSEGV, &action, &before) != 0) return false;
    if (before.sa_sigaction != &on_fault) action_before_gup = before; // else a fault would never end
    return true;
}

/// Watches these views until `unwatch`. Installs the handler with the first call of the process; a fault
/// elsewhere goes to the handler that was there before. Throws std::bad_alloc.
inline watched_views& watch(std::span<std::byte> memory, unsigned page_shift, const page_history* history) {
    static const bool installed = handle_faults();
    static_cast<void>(installed);

    watched_views* views = all_watched_views.load(std::memory_order_acquire);
    for (; views != nullptr; views = views->next) {
        int expected = watched_views::unused;
        if (views->state.compare_exchange_strong(expected, watched_views::changing)) break;
    }
    const bool fresh = views == nullptr;
    if (fresh) views = new watched_views;
    views->first = reinterpret_cast<std::uintptr_t>(memory.data());
    views->last = views->first + memory.size();
    views->page_shift = page_shift;
    views->history = history;
    views->state.store(watched_views::watched, std::memory_order_release);
    if (fresh) {
        views->next = all_watched_views.load(std::memory_order_relaxed);
        while (!all_watched_views.compare_exchange_weak(views->next, views, std::memory_order_acq_rel)) {
        }
    }
    return *views;
}
inline void unwatch(watched_views& views) noexcept {
    views.state.store(watched_views::unused, std::memory_order_release);
}

} // namespace gup::inline GUP_NAMESPACE::detail
