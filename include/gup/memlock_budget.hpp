// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How much this process may still pin, as far as the kernel shows it: needed to size a pool, to refuse what
/// cannot fit before anything is pinned, and to explain a kernel's refusal.
///
/// The kernel keeps three accounts and compares each of them, separately, with RLIMIT_MEMLOCK. Memory pinned
/// in two of them is charged in full to both.

#include "gup/detail/proc_text.hpp"
#include "gup/error.hpp"
#include "gup/kernel.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace gup::inline GUP_NAMESPACE {

/// What may raise the limit here: a message proposes nothing that is forbidden.
struct memlock_remedies {
    std::optional<std::uint64_t>
        hard_limit{};              ///< up to which anybody may; empty for any value, or if unknown
    bool above_hard_limit = false; ///< this process may go beyond it (CAP_SYS_RESOURCE)
    bool permitted = false;        ///< it may make CAP_IPC_LOCK effective, which it is not
    bool file_capability = true;   ///< setcap would give it CAP_IPC_LOCK
    bool contained = false; ///< in a user namespace of its own, or kept from ever having the capability

    /// How to raise the limit to at least so many bytes, if empty as far as possible, or to do without it:
    /// what this process can do, or else who must do it. Throws std::bad_alloc.
    std::string raise(std::optional<std::uint64_t> bytes) const;
};

/// The three budgets at one moment. All numbers are bytes; an empty use, limit or `lifted` is one that cannot
/// be read. A plain value: reading it again is the only way to update it.
struct memlock_budget {
    std::optional<std::uint64_t> limit;     ///< soft RLIMIT_MEMLOCK; empty for unlimited, too
    std::optional<bool> lifted;             ///< the calling thread has CAP_IPC_LOCK: no limit applies to it
    std::optional<std::uint64_t> locked_vm; ///< used by this process: mlock, VFIO (VmLck)
    /// Used by this process: RDMA; io_uring is shown here too (VmPin).
    std::optional<std::uint64_t> pinned_vm;
    memlock_remedies remedies{};

    /// Reads the budgets of the calling thread: getrlimit; status, limits and uid_map in /proc/thread-self.
    /// Thread-safe. What cannot be read stays empty. Throws std::bad_alloc.
    template <class Kernel = system_kernel>
    static memlock_budget read();

    /// Bytes charged to a budget; empty if nobody can read it, which is always so for `user_locked_vm`.
    std::optional<std::uint64_t> used(pin_budget budget) const noexcept;

    /// The most bytes that can still be charged to a budget; empty if no limit is known to apply. An upper
    /// bound: where the use cannot be read it counts as zero.
    std::optional<std::uint64_t> available(pin_budget budget) const noexcept;

    /// Before pinning: true unless the kernel is certain to refuse `need` more bytes. If false, `failure` has
    /// its code, budget, need, use, limit and remedy filled in; the caller fills in call and range. Throws
    /// std::bad_alloc.
    ///
    /// Certain means: mlock does not charge twice what is locked already, by mlockall for example, so
    /// `locked_vm` is refused only if `need` alone exceeds the limit. And `user_locked_vm` is never refused
    /// here: a ring made with CAP_IPC_LOCK stays exempt after the process drops it, and nothing shows that.
    bool check(pin_budget budget, std::uint64_t need, pin_failure& failure) const;

    /// After a refusal: true if the budget explains `failure`, whose code and need (0: unknown) the caller
    /// has filled in; then budget, use, limit and remedy are filled in. False, with `failure` unchanged, if
    /// the cause is another one. The budgets must have been read after the failed call's roll-back. Throws
    /// std::bad_alloc.
    bool explain(pin_budget budget, pin_failure& failure) const;
};

namespace detail {

/// False only if the process is known to live in a user namespace of its own, where the kernel honours no
/// CAP_IPC_LOCK, whatever CapEff says: the initial namespace maps every number to itself.
inline bool may_be_initial_user_namespace(std::string_view uid_map) noexcept {
    if (uid_map.empty()) return true;
    for (const std::string_view expected : {"0", "0", "4294967295"}) {
        const std::size_t start = uid_map.find_first_not_of(" \t");
        if (start == std::string_view::npos) return false;
        uid_map.remove_prefix(start);
        const std::string_view word = uid_map.substr(0, uid_map.find_first_of(" \t\n"));
        if (word != expected) return false;
        uid_map.remove_prefix(word.size());
    }
    return true;
}

/// The second of the two numbers in a line of /proc/self/limits; empty if it is none.
inline std::optional<std::uint64_t> hard_limit(std::string_view line) noexcept {
    line.remove_prefix(std::min(line.find(' '), line.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return leading_number(line);
}

constexpr std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) noexcept {
    return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max()
                                                             : a + b;
}

/// The remedy for a need that did not fit.
inline std::string memlock_remedy(const memlock_budget& now, pin_budget budget, std::uint64_t need) {
    const std::uint64_t limit = now.limit.value_or(0);
    const auto enough = [need](std::uint64_t used) {
        return need != 0 ? std::optional(saturating_add(used, need)) : std::nullopt;
    };
    if (budget != pin_budget::user_locked_vm) return now.remedies.raise(enough(now.used(budget).value_or(0)));
    if (now.lifted == true)
        return "make the ring anew, CAP_IPC_LOCK counts only for a ring made while the thread has it; if it "
               "had, the kernel is short of memory";
    std::string text =
        now.remedies.raise(enough(limit)) +
        " (it counts for rings made from then on); all rings of this user and their own memory "
        "are charged to one account, whose use nobody can read";
    if (need <= limit && limit > 0)
        text +=
            ": end other programs of this user that use io_uring, or try again if rings were closed within "
            "the last tenth of a second, because they still count";
    return text;
}

/// Fills in everything about a budget that was exceeded.
inline void fill_budget(const memlock_budget& now, pin_budget budget, std::uint64_t need,
                        pin_failure& failure) {
    failure.remedy = memlock_remedy(now, budget, need);
    failure.budget = budget;
    failure.need = need;
    failure.use = now.used(budget).value_or(0);
    failure.limit = now.limit.value_or(0);
}

constexpr bool is_memlock(pin_budget budget) noexcept {
    return budget == pin_budget::locked_vm || budget == pin_budget::pinned_vm ||
           budget == pin_budget::user_locked_vm;
}

/// What `memlock_budget::check` documents as certain; the limit is known and applies.
inline bool certainly_over(const memlock_budget& now, pin_budget budget, std::uint64_t need) noexcept {
    if (budget == pin_budget::locked_vm) return need > *now.limit;
    if (budget == pin_budget::pinned_vm) return saturating_add(need, now.pinned_vm.value_or(0)) > *now.limit;
    return false;
}

} // namespace detail

inline std::string memlock_remedies::raise(std::optional<std::uint64_t> bytes) const {
    const std::uint64_t kib = bytes ? *bytes / 1024 + (*bytes % 1024 != 0) : RLIM_INFINITY / 1024 + 1;
    const std::string number = bytes ? std::to_string(kib) : "unlimited";
    std::string text =
        permitted ? "make CAP_IPC_LOCK effective, which this process is permitted (capset), or " : "";
    if (!hard_limit || above_hard_limit || kib <= *hard_limit / 1024)
        text += "raise the limit with `ulimit -l " + number + "` in the shell that starts the program, ";
    else
        text += "have an administrator raise the limit, whose hard value is " + std::to_string(*hard_limit) +
                " bytes, ";
    text += "with the line `* - memlock " + number +
            "` in a file in /etc/security/limits.d/ and a new login, " +
            (contained || file_capability ? "" : "or ") +
            "with LimitMEMLOCK=" + (bytes ? number + "K" : "infinity") + " in its systemd unit";
    if (contained) {
        const std::string value = bytes ? std::to_string(*bytes) : "-1";
        text += ", or with --ulimit memlock=" + value + ":" + value + " where its container is started";
    }
    if (file_capability) text += ", or lift it with `setcap cap_ipc_lock+ep PROGRAM` as root";
    return text;
}

template <class Kernel>
memlock_budget memlock_budget::read() {
    memlock_budget now;
    std::uint64_t limit = 0;
    if (Kernel::memlock_limit(limit) == 0 && limit != RLIM_INFINITY) now.limit = limit;

    std::string status;
    // thread-self: capabilities belong to a thread, /proc/self shows those of the first one.
    if (Kernel::read_text("/proc/thread-self/status", status) != 0) return now;
    now.locked_vm = detail::proc_kilobytes(status, "VmLck:");
    now.pinned_vm = detail::proc_kilobytes(status, "VmPin:");

    std::string text;
    Kernel::read_text("/proc/thread-self/uid_map", text);
    const bool initial = detail::may_be_initial_user_namespace(text);
    constexpr std::uint64_t ipc_lock = 1U << 14, sys_resource = 1U << 24;
    const auto has = [&status](const char* set, std::uint64_t capability) -> std::optional<bool> {
        const auto held = detail::leading_number(detail::proc_field(status, set), 16);
        return held ? std::optional((*held & capability) != 0) : std::nullopt;
    };
    if (const auto held = has("CapEff:", ipc_lock)) now.lifted = *held && initial;

    const bool bounded = has("CapBnd:", ipc_lock) == false;
    now.remedies.contained = !initial || bounded;
    now.remedies.file_capability =
        !now.remedies.contained && !detail::proc_field(status, "NoNewPrivs:").starts_with('1');
    now.remedies.permitted = initial && now.lifted == false && has("CapPrm:", ipc_lock) == true;
    now.remedies.above_hard_limit = initial && has("CapEff:", sys_resource) == true;
    Kernel::read_text("/proc/thread-self/limits", text);
    now.remedies.hard_limit = detail::hard_limit(detail::proc_field(text, "Max locked memory"));
    return now;
}

inline std::optional<std::uint64_t> memlock_budget::used(pin_budget budget) const noexcept {
    if (budget == pin_budget::locked_vm) return locked_vm;
    if (budget == pin_budget::pinned_vm) return pinned_vm;
    return std::nullopt;
}

inline std::optional<std::uint64_t> memlock_budget::available(pin_budget budget) const noexcept {
    if (!detail::is_memlock(budget) || lifted == true || !limit) return std::nullopt;
    const std::uint64_t charged = used(budget).value_or(0);
    return charged < *limit ? *limit - charged : 0;
}

inline bool memlock_budget::check(pin_budget budget, std::uint64_t need, pin_failure& failure) const {
    if (lifted != false || !limit) return true;
    if (!detail::certainly_over(*this, budget, need)) return true;
    detail::fill_budget(*this, budget, need, failure);
    failure.code = detail::errno_code(*limit == 0 ? EPERM : ENOMEM);
    return false;
}

inline bool memlock_budget::explain(pin_budget budget, pin_failure& failure) const {
    if (!detail::is_memlock(budget) || !limit) return false;
    const int code = failure.code.value();
    const bool over = code == ENOMEM || code == ENOBUFS || (code == EPERM && *limit == 0);
    if (!over) return false;
    if (budget != pin_budget::user_locked_vm) {
        // These accounts are visible: what fits was refused for another reason, such as a hole in the range.
        if (lifted == true) return false;
        if (detail::saturating_add(failure.need, used(budget).value_or(0)) <= *limit) return false;
    }
    detail::fill_budget(*this, budget, failure.need, failure);
    return true;
}

} // namespace gup::inline GUP_NAMESPACE
