// SPDX-License-Identifier: BSL-1.0
#include "gup/typed_pointer.hpp"

#include "gup_test/catch.hpp"

TEST_CASE("a typed pointer gives its object back as the type that it was made with") {
    int number = 3;
    const gup::typed_pointer pointer(&number);

    CHECK(pointer);
    CHECK(pointer.get<int>() == &number);
    CHECK(pointer.unchecked_get<int>() == &number);
    CHECK(pointer.address() == &number);
    CHECK(pointer.get<unsigned>() == nullptr);
    CHECK(pointer.get<const int>() == nullptr);
}

TEST_CASE("a pointer to const never gives a way to write") {
    const int number = 3;

    CHECK(gup::typed_pointer(&number).get<const int>() == &number);
    CHECK(gup::typed_pointer(&number).get<int>() == nullptr);
}

TEST_CASE("a pointer to nothing is of no type") {
    CHECK_FALSE(gup::typed_pointer());
    CHECK(gup::typed_pointer().get<int>() == nullptr);
    CHECK(gup::typed_pointer(static_cast<int*>(nullptr)) == gup::typed_pointer());
}

TEST_CASE("typed pointers are equal if object and type are") {
    struct outer {
        int first = 1;
    } both;

    CHECK(gup::typed_pointer(&both) == gup::typed_pointer(&both));
    CHECK_FALSE(gup::typed_pointer(&both) == gup::typed_pointer(&both.first));
}
