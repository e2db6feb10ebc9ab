// SPDX-License-Identifier: BSL-1.0
#include "gup/subrange.hpp"

#include "gup_test/catch.hpp"

#include <limits>

TEST_CASE("a subrange is the whole page unless it says otherwise") {
    const gup::subrange whole;
    CHECK(whole.offset == 0);
    CHECK(whole.length == gup::subrange::rest);

    const gup::subrange from{.offset = 512};
    CHECK(from.offset == 512);
    CHECK(from.length == gup::subrange::rest);
}

TEST_CASE("the rest of a page is longer than any page") {
    CHECK(gup::subrange::rest == std::numeric_limits<std::size_t>::max());
}
