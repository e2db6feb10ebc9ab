// SPDX-License-Identifier: BSL-1.0
#include "gup/all_or_none.hpp"

#include "gup_test/catch.hpp"

#include <type_traits>

using gup::all_or_none;

TEST_CASE("all or none is asked as a condition, and is no bool by itself") {
    CHECK(static_cast<bool>(all_or_none(true)));
    CHECK_FALSE(static_cast<bool>(all_or_none(false)));
    STATIC_REQUIRE_FALSE(std::is_convertible_v<all_or_none, bool>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<bool, all_or_none>);
    STATIC_REQUIRE(std::is_constructible_v<bool, all_or_none>);
}
