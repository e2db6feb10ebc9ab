// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How a test says that this machine lacks what it needs: it prints why and returns.
///
///     if (!gup_test::have(ring.ok(), "io_uring is disabled by kernel.io_uring_disabled")) return;
///
/// The program then ends as skipped if nothing failed, which CTest counts as skipped. With GUP_TEST_REQUIRE=1,
/// as in CI, a skip fails the test, because a test that never runs proves nothing; `have_optional` is for what CI may
/// lack too.

#include "gup_test/catch.hpp"

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace gup_test {

namespace detail {
inline std::atomic<int> skipped_tests{0};
} // namespace detail

/// How many test cases of this process were skipped.
inline int skipped() noexcept { return detail::skipped_tests; }

/// Prints that the running test case is skipped and counts it; the test case returns right after.
inline void skip_optional(std::string_view reason) {
    ++detail::skipped_tests;
    std::cout << "SKIPPED: " << reason << std::endl;
}

/// As `skip_optional`, but fails the test case if GUP_TEST_REQUIRE=1.
inline void skip(std::string_view reason) {
    const char* const required = std::getenv("GUP_TEST_REQUIRE");
    if (required != nullptr && std::string_view(required) == "1")
        FAIL("must not be skipped here, GUP_TEST_REQUIRE=1: " + std::string(reason));
    skip_optional(reason);
}

/// True if `available`; if not, skips the test case for that reason.
[[nodiscard]] inline bool have(bool available, std::string_view reason) {
    if (!available) skip(reason);
    return available;
}

/// As `have`, for what even CI may lack.
[[nodiscard]] inline bool have_optional(bool available, std::string_view reason) {
    if (!available) skip_optional(reason);
    return available;
}

} // namespace gup_test
