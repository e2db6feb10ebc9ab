// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Tracked pools that pin nothing, and programs that fault in them.

#include "gup/tracked.hpp"
#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"

#include <csignal>
#include <cstddef>

namespace gup_test {

using tracked_domain = gup::tracked<pretended>;
using tracked_pool = gup::page_pool<tracked_domain>;

inline tracked_pool tracked_pool_of(std::size_t pages, std::size_t page_size = 4096) {
    return tracked_pool(tracked_domain{}, {.page_size = page_size, .pages = pages});
}

inline void read(const std::byte& byte) {
    const volatile std::byte* const seen = &byte;
    static_cast<void>(*seen);
}

/// Runs `body` in a child in which a fault meets nobody but gup and the kernel. Sanitizers have handlers of
/// their own, and some end the program otherwise than by the signal.
template <class Body>
child_result in_faulting_child(Body body) {
    return in_child([&] {
        gup::detail::handle_faults();
        gup::detail::action_before_gup = {};
        body();
        return 0;
    });
}
inline bool died_of_fault(const child_result& child) {
    return WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGSEGV;
}

} // namespace gup_test
