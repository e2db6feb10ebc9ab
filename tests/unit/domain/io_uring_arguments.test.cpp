// SPDX-License-Identifier: BSL-1.0
#include "gup/domain/io_uring_arguments.hpp"

#include "gup_test/catch.hpp"

#include <cstdint>
#include <type_traits>

TEST_CASE("user_data is a number of any type, or a pointer") {
    enum plain { number = 5 };
    const int object = 0;
    CHECK(gup::operation_user_data(7).value() == 7);
    CHECK(gup::operation_user_data(0).value() == 0);
    CHECK(gup::operation_user_data(-1).value() == ~std::uint64_t{0});
    CHECK(gup::operation_user_data(number).value() == 5);
    CHECK(gup::operation_user_data(&object).value() == reinterpret_cast<std::uintptr_t>(&object));
    CHECK(gup::operation_user_data(std::uint64_t{1} << 63).value() == std::uint64_t{1} << 63);
}

TEST_CASE("options are told apart by what they name") {
    STATIC_REQUIRE(std::is_default_constructible_v<gup::record_options>);
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<gup::token_options>);
    const gup::record_options plain{};
    CHECK(plain.cookie == 0);
    CHECK(plain.part.length == gup::subrange::rest);
    const gup::token_options token{.part = {.offset = 1}, .user_data = 2};
    CHECK(token.part.offset == 1);
    CHECK(token.user_data.value() == 2);
}
