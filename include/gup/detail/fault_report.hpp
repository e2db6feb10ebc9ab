// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Says what a fault in the views of a tracked pool means: bytes that nobody holds, of which the program
/// dies, or memory that was given back to the kernel by whoever held it.

#include "gup/detail/tracking.hpp"
#include "gup/detail/uncancelled.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <linux/userfaultfd.h>
#include <span>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gup::inline GUP_NAMESPACE::detail {

/// Where a page was got and put last.
struct page_history {
    call_site got{};
    call_site put{};
    bool out = false; ///< it has been got since, or is
};

/// The views of one pool, as the handler of the signals finds them. Reused and never freed: the handler may
/// be looking.
struct watched_views {
    enum : int { unused, changing, watched };

    std::atomic<int> state{unused};
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    unsigned page_shift = 0;
    const page_history* history = nullptr;
    int userfault = -1; ///< the userfaultfd under which absent pages raise SIGBUS; -1 if they do not
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

/// Maps the pages of a file, which are there, where the views have none: 0 or an errno. For a handler, too.
inline int map_absent(int userfault, std::uintptr_t begin, std::size_t bytes) noexcept {
    const uncancelled calls;
    const auto step = static_cast<std::size_t>(::getauxval(AT_PAGESZ)); // no lock, as sysconf may have
    for (std::size_t done = 0; done < bytes; done += step) {
        uffdio_continue request{};
        request.range = {begin + done, step};
        while (::ioctl(userfault, UFFDIO_CONTINUE, &request) != 0 && errno != EEXIST)
            if (errno != EAGAIN) return errno; // while the process forks
    }
    return 0;
}

inline void report_fault(const watched_views& views, std::uintptr_t address, const char* what) noexcept {
    const std::uintptr_t offset = address - views.first;
    const page_history& page = views.history[offset >> views.page_shift];
    signal_text text;
    text << "gup: " << what << ": byte " << (offset & ((std::uintptr_t{1} << views.page_shift) - 1))
         << " of page " << (offset >> views.page_shift);
    if (page.got.line != 0) text << "\n  got at " << page.got;
    if (page.put.line != 0)
        text << "\n  put at " << page.put;
    else if (page.got.line != 0 && !page.out)
        text << "\n  put by its destructor";
    text << "\n";
    text.write();
}

/// Reports memory that the program gave back, and lets it go on with what is in the file.
inline bool report_given_back(const watched_views& views, std::uintptr_t address) noexcept {
    if (views.userfault < 0) return false;
    report_fault(
        views, address,
        "a page's memory was given back to the kernel (madvise) while somebody held the page; of a pool "
        "that is not tracked it would not have what a device wrote");
    const std::uintptr_t offset = address - views.first;
    const std::size_t bytes = std::size_t{1} << views.page_shift;
    return map_absent(views.userfault, views.first + (offset & ~(bytes - 1)), bytes) == 0;
}

// Shared objects that hide their symbols have handlers, a list of views and this each: every handler knows
// its own views, and passes other faults on to the one before.
inline struct sigaction action_before_gup = {}; // of SIGSEGV
inline struct sigaction bus_action_before_gup = {};
inline struct sigaction& before_gup(int signal) noexcept {
    return signal == SIGBUS ? bus_action_before_gup : action_before_gup;
}

inline void on_fault(int signal, siginfo_t* info, void* context) noexcept {
    const int error = errno;
    const struct sigaction& before = before_gup(signal);
    const bool sent = info->si_code <= 0; // by kill(2) or raise(3): there is no address, nothing faults again
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (const watched_views* views = all_watched_views.load(std::memory_order_acquire);
         views != nullptr && !sent; views = views->next) {
        if (views->state.load(std::memory_order_acquire) != watched_views::watched) continue;
        if (address < views->first || address >= views->last) continue;
        if (signal != SIGBUS)
            report_fault(*views, address, "a page's bytes were used while nobody held the page");
        if (signal != SIGBUS || !report_given_back(*views, address))
            // the instruction faults again, and meets whoever was there before
            ::sigaction(signal, &before, nullptr);
        errno = error;
        return;
    }
    if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(signal, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(signal);
    } else if (!sent || before.sa_handler == SIG_DFL) {
        ::sigaction(signal, &before, nullptr);
        if (sent) ::raise(signal); // waits until this handler returns
    }
}

/// Makes `on_fault` the handler of SIGSEGV and SIGBUS, before the ones that are there.
inline bool handle_faults() noexcept {
    for (const int signal : {SIGSEGV, SIGBUS}) {
        struct sigaction action = {};
        struct sigaction before = {};
        action.sa_sigaction = &on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        if (::sigaction(signal, &action, &before) != 0) return false;
        if (before.sa_sigaction != &on_fault) before_gup(signal) = before; // else a fault would never end
    }
    return true;
}

/// Watches these views until `unwatch`. Installs the handler with the first call of the process; a fault
/// elsewhere goes to the handler that was there before. Throws std::bad_alloc.
inline watched_views& watch(std::span<std::byte> memory, unsigned page_shift, const page_history* history,
                            int userfault) {
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
    views->userfault = userfault;
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
