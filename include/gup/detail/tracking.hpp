// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the verbs hear of who calls them: where that is, for domains that track their references; for all
/// others whether it was built to have them look at what they are given.

#include "gup/call_site.hpp"
#include "gup/error.hpp"

#include <cstdint>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE {

template <class Domain>
class local;
template <class Domain>
class tracked;

namespace detail {

/// Whether this translation unit was built to have its verbs look: for empty references, references that
/// nobody counted, and the thread, of domains that belong to one. Only for default arguments, which are the
/// caller's: the verbs themselves are the same in all translation units.
#ifdef NDEBUG
constexpr bool unit_checks = false;
#else
constexpr bool unit_checks = true;
#endif
enum class caller_checks : bool {}; // what a program passes by mistake does not turn into one

/// How the references of a domain are tracked: not at all.
template <class Domain>
struct tracking {
    static constexpr bool enabled = false;
    /// What the verbs take as their last argument, by default.
    struct origin {
        constexpr origin(caller_checks asks = caller_checks(unit_checks)) noexcept
            : checks(static_cast<bool>(asks)) {}
        bool checks;
    };
    /// What a pool keeps.
    struct pool {};
};

template <class Domain>
struct tracking<tracked<Domain>>; // whoever uses such a reference includes gup/tracked.hpp

template <class Domain>
struct tracking<local<tracked<Domain>>> {
    static_assert(sizeof(Domain) == 0, "references are counted below and tracked above: write "
                                       "gup::tracked<gup::local<Domain>>");
};

template <class Domain>
using origin_of = typename tracking<Domain>::origin;

/// Where the library itself calls a verb: it looks, in every translation unit alike.
template <class Domain>
constexpr origin_of<Domain> by_library() noexcept {
    if constexpr (std::is_constructible_v<origin_of<Domain>, caller_checks>)
        return caller_checks(true);
    else
        return {};
}

/// Where nobody knows who calls.
template <class Domain>
origin_of<Domain> unknown_caller() noexcept {
    if constexpr (tracking<Domain>::enabled)
        return call_site{};
    else
        return caller_checks(true);
}

/// Ends the program because of how it used a handle; where that was, if the domain is a tracked one.
template <class Domain>
[[noreturn, gnu::cold, gnu::noinline]] void misused(const char* rule,
                                                    [[maybe_unused]] origin_of<Domain> where) noexcept {
    if constexpr (tracking<Domain>::enabled)
        tracking<Domain>::misused(rule, where);
    else
        rule_broken(rule);
}

/// True if a verb is to look at what it is given.
template <class Domain>
constexpr bool looks([[maybe_unused]] origin_of<Domain> where) noexcept {
    if constexpr (tracking<Domain>::enabled)
        return true;
    else
        return where.checks;
}

/// Remembers where a reference is put.
template <class Domain>
void note_put([[maybe_unused]] std::uintptr_t word, [[maybe_unused]] origin_of<Domain> where) noexcept {
    if constexpr (tracking<Domain>::enabled) tracking<Domain>::note_put(word, where);
}

} // namespace detail
} // namespace gup::inline GUP_NAMESPACE
