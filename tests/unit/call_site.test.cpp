// SPDX-License-Identifier: BSL-1.0
#include "gup/call_site.hpp"

#include "gup_test/catch.hpp"

#include <string_view>

namespace {

gup::call_site where_called(gup::call_site at = gup::call_site::current()) { return at; }

} // namespace

TEST_CASE("A call site as a default argument is where the function is called") {
    const unsigned line = __LINE__ + 1;
    const gup::call_site here = where_called();
    CHECK(here.line == line);
    CHECK(std::string_view(here.file) == __FILE__);
    CHECK_FALSE(std::string_view(here.function).empty());
}

TEST_CASE("A call site that is not known has no file") {
    CHECK(std::string_view(gup::call_site{}.file).empty());
}
