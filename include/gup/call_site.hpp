// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `call_site`: where in a program a reference was got or put, as tracked domains report it.

#include "gup/version.hpp"

GUP_SYSTEM_HEADER

namespace gup::inline GUP_RELEASE {

/// A place in a program. As std::source_location, which clang 14 does not have.
struct call_site {
    const char* file = ""; ///< empty if it is not known
    const char* function = "";
    unsigned line = 0;

    /// As a default argument: the place of the call.
    static constexpr call_site current(const char* file = __builtin_FILE(),
                                       const char* function = __builtin_FUNCTION(),
                                       unsigned line = __builtin_LINE()) noexcept {
        return {file, function, line};
    }
};

} // namespace gup::inline GUP_RELEASE
