// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What half.cpp is, built with exceptions and without.

#include <cstddef>
#include <string>

/// Half of a program. No type of gup's goes from one half to the other.
struct half {
    /// Uses what reports its failures by a std::error_code or a pin_failure; null, or what was not so.
    const char* (*use_twins)();
    /// Lets the throwing form of this number fail; what its pin_error says, if there are exceptions. Empty if
    /// it cannot be tried on this machine.
    std::string (*fail)(std::size_t number);
    std::size_t forms; ///< how many there are
    /// Has a release fail.
    void (*fail_to_release)();
    void* (*pin)(void* page);
    void (*let_go)(void* pinned);
};
extern const half with_exceptions;
extern const half without_exceptions;
