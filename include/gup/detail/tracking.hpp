// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the verbs say of who calls them: where it is, for domains that track their references; whether it
/// checks, for those of one thread; for all others nothing. At no cost where nothing is asked.

#include "gup/call_site.hpp"

#include <cstdint>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE {

template <class Domain>
class local;
template <class Domain>
class tracked;

namespace detail {

/// How the references of a domain are tracked: not at all.
template <class Domain>
struct tracking {
    static constexpr bool enabled = false;
    /// What the verbs take as their last argument, by default: where they are called.
    struct origin {};
    /// What a pool keeps.
    struct pool {};
};

/// Whether this translation unit was built to have its verbs look at the thread.
#ifdef NDEBUG
constexpr bool unit_checks_threads = false;
#else
constexpr bool unit_checks_threads = true;
#endif

template <class Domain>
struct tracking<local<Domain>> {
    static constexpr bool enabled = false;
    // The caller's answer, by a default argument: the verbs themselves are the same in all translation units.
    struct origin {
        constexpr origin(bool checks = unit_checks_threads) noexcept : checks_thread(checks) {}
        bool checks_thread;
    };
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

/// Where the library itself calls a verb: it looks at the thread, in every translation unit alike.
template <class Domain>
constexpr origin_of<Domain> by_library() noexcept {
    if constexpr (std::is_constructible_v<origin_of<Domain>, bool>)
        return true;
    else
        return {};
}

/// Remembers where a reference is put.
template <class Domain>
void note_put([[maybe_unused]] std::uintptr_t word, [[maybe_unused]] origin_of<Domain> where) noexcept {
    if constexpr (tracking<Domain>::enabled) tracking<Domain>::note_put(word, where);
}

} // namespace detail
} // namespace gup::inline GUP_NAMESPACE
