// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How gup reports what went wrong: `pin_failure` says what, `pin_error` throws it, and `on_release_failure`
/// hears of what no caller could be told.

#include "gup/detail/uncancelled.hpp"
#include "gup/version.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// The account that a refused pin would have been charged to. All are compared with RLIMIT_MEMLOCK.
enum class pin_budget : std::uint8_t {
    none,           ///< the failure has nothing to do with a budget
    locked_vm,      ///< this process, VmLck: mlock, VFIO
    pinned_vm,      ///< this process, VmPin: RDMA
    user_locked_vm, ///< all processes of this user, shown nowhere: io_uring and its rings
    user_defined    ///< a limit that the program set itself
};

/// The name of a budget as a user can find it.
constexpr const char* to_string(pin_budget budget) noexcept {
    switch (budget) {
    case pin_budget::none:
        return "none";
    case pin_budget::locked_vm:
        return "VmLck of this process (RLIMIT_MEMLOCK)";
    case pin_budget::pinned_vm:
        return "VmPin of this process (RLIMIT_MEMLOCK)";
    case pin_budget::user_locked_vm:
        return "locked memory of this user (RLIMIT_MEMLOCK)";
    case pin_budget::user_defined:
        return "the program's own budget";
    }
    return "unknown";
}

/// Why memory could not be pinned or a request could not be met, and what to do about it.
struct pin_failure {
    std::error_code code{};             ///< the kernel's errno, or the errno that fits best
    const char* call = "";              ///< the call that failed; a string literal
    std::span<const std::byte> range{}; ///< the memory concerned; may be empty
    pin_budget budget = pin_budget::none;
    std::uint64_t need = 0;  ///< bytes to be charged, 0 if unknown; budget failures only, as the next two
    std::uint64_t use = 0;   ///< bytes already charged, as far as they can be read
    std::uint64_t limit = 0; ///< bytes allowed
    std::string remedy{};    ///< what the user can do: one sentence or command
    /// True if a part of the range that had been pinned could not be unpinned again, as on_release_failure
    /// has heard: a device may reach it still, so it must stay mapped. Pools and providers' memory do.
    bool kept = false;

    /// One line for people: the call, the budget with its numbers, the remedy. Throws std::bad_alloc.
    std::string message() const {
        std::string text = call;
        if (!range.empty()) text += " of " + std::to_string(range.size()) + " bytes";
        if (budget != pin_budget::none) {
            text += ": over budget, ";
            text += to_string(budget);
            text += ": needs " + (need != 0 ? std::to_string(need) : "an unknown number") + ", uses ";
            // nobody can read what is charged to a user, see pin_budget::user_locked_vm
            text += budget == pin_budget::user_locked_vm ? "an unknown number" : std::to_string(use);
            text += ", limit " + std::to_string(limit) + " bytes";
        }
        if (!remedy.empty()) text += "; " + remedy;
        return text;
    }
};

/// Thrown by every gup function that cannot do what it was asked; a program without exceptions ends there,
/// with `what()` on stderr. `code()` is the errno, `failure()` the story. Default visibility: what a library
/// throws is caught in its program, whatever the library hides.
class [[gnu::visibility("default")]] pin_error : public std::system_error {
public:
    explicit pin_error(pin_failure failure)
        : std::system_error(failure.code, failure.message()),
          failure_(std::make_shared<const pin_failure>(std::move(failure))) {}

    /// What failed and what to do; valid as long as any copy of this exception.
    const pin_failure& failure() const noexcept { return *failure_; }

private:
    std::shared_ptr<const pin_failure> failure_; // shared: copying an exception must not throw
};

} // namespace gup::inline GUP_NAMESPACE

namespace gup::inline GUP_RELEASE {

/// Something that gup could not release. The memory stays allocated on purpose: a device may still reach it.
struct release_failure {
    const char* call;                 ///< the call that failed, or the rule that was broken; a string literal
    std::error_code code{};           ///< the errno; empty if no call was made
    std::span<const std::byte> range; ///< the memory that is leaked
};

/// Called for every failed release, from any thread, also inside destructors, while the thread cannot be
/// cancelled; must not throw or call gup.
using release_failure_hook = void (*)(const release_failure&) noexcept;

namespace hooks {

[[gnu::visibility("default")]] inline void print_release_failure(const release_failure& failure) noexcept {
    std::fprintf(stderr, "gup: %s", failure.call);
    if (failure.code) std::fprintf(stderr, " failed (errno %d)", failure.code.value());
    std::fprintf(stderr, ": %zu bytes at %p stay pinned on purpose\n", failure.range.size(),
                 static_cast<const void*>(failure.range.data()));
}

// One for the process: the program's hook hears of what a library that hides its symbols could not release.
[[gnu::visibility("default")]] inline constinit std::atomic<release_failure_hook> release_hook{
    &print_release_failure};

} // namespace hooks

/// Tells the hook of a release that failed: for domains, whose memory then stays. Thread-safe.
[[gnu::cold, gnu::noinline]] inline void report_release_failure(const release_failure& failure) noexcept {
    const detail::uncancelled hook;
    hooks::release_hook.load(std::memory_order_acquire)(failure);
}

/// Sets the process-wide hook for failed releases and returns the one before; null restores the default,
/// which prints one line on stderr. Thread-safe.
inline release_failure_hook on_release_failure(release_failure_hook hook) noexcept {
    return hooks::release_hook.exchange(hook != nullptr ? hook : &hooks::print_release_failure,
                                        std::memory_order_acq_rel);
}

} // namespace gup::inline GUP_RELEASE

namespace gup::inline GUP_NAMESPACE::detail {

/// The code of an errno. gup has one category for all of them, the generic one, whose values compare equal to
/// std::errc, whoever refused: the kernel or gup itself.
inline std::error_code errno_code(int error) noexcept { return {error, std::generic_category()}; }

/// Fills in what was refused, all but the range, which stays; false, so that a caller can return it. Throws
/// std::bad_alloc.
inline bool refuse(pin_failure& failure, int error, const char* call, std::string remedy = {}) {
    failure = {.code = errno_code(error), .call = call, .range = failure.range, .remedy = std::move(remedy)};
    return false;
}
/// A broken rule that leaves no safe way on: says the rule and terminates.
[[noreturn, gnu::cold, gnu::noinline]] inline void rule_broken(const char* rule) noexcept {
    const uncancelled message;
    std::fprintf(stderr, "gup: %s\n", rule);
    std::terminate();
}

/// Every exception of gup's comes from here. Where the program has none (-fno-exceptions) it ends, with what
/// the exception would have said.
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_failure(pin_failure failure) {
    pin_error error(std::move(failure));
#ifdef __cpp_exceptions
    throw error;
#else
    rule_broken(error.what());
#endif
}
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_out_of_memory() {
#ifdef __cpp_exceptions
    throw std::bad_alloc();
#else
    rule_broken("out of memory");
#endif
}
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_refusal(int error, const char* call,
                                                                 std::string remedy = {}) {
    pin_failure failure;
    refuse(failure, error, call, std::move(remedy));
    throw_failure(std::move(failure));
}

/// What `attempt` returns, or `otherwise` if that is out of memory. Without exceptions what operator new
/// throws is caught by nothing here.
template <class Attempt, class Otherwise>
std::invoke_result_t<Attempt> unless_out_of_memory(Attempt attempt, Otherwise otherwise) noexcept {
#ifdef __cpp_exceptions
    try {
        return attempt();
    } catch (const std::bad_alloc&) {
        return otherwise();
    }
#else
    static_cast<void>(otherwise);
    return attempt();
#endif
}

} // namespace gup::inline GUP_NAMESPACE::detail
