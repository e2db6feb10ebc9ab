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

TEST_CASE("a cookie goes to a number of 64 bits or to a pointer of any type") {
    enum class large : std::uint64_t { value = 5 };
    const int object = 0;
    std::uint64_t number = 0;
    unsigned long long other = 0;
    large enumerator{};
    const int* pointer = nullptr;
    gup::cookie_target(number).set(7);
    gup::cookie_target(other).set(7);
    gup::cookie_target(enumerator).set(5);
    gup::cookie_target(pointer).set(gup::operation_user_data(&object).value());
    CHECK(number == 7);
    CHECK(other == 7);
    CHECK(enumerator == large::value);
    CHECK(pointer == &object);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<gup::cookie_target, double&>);
}
