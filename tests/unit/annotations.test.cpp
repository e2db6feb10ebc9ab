// SPDX-License-Identifier: BSL-1.0
#include "gup/annotations.hpp"

#include "gup_test/catch.hpp"

#include <utility>

namespace {

class [[nodiscard("as the handles have it"), GUP_CONSUMABLE]] annotated {
public:
    GUP_LEAVES_CONSUMED annotated() noexcept {}
    GUP_CALLABLE_UNLESS_UNCONSUMED ~annotated() {}
    GUP_CALLABLE_UNLESS_CONSUMED const long& look() const& noexcept GUP_LIFETIMEBOUND { return word; }

private:
    long word = 0;
};

} // namespace

TEST_CASE("annotations change neither layout nor behaviour") {
    STATIC_REQUIRE(sizeof(annotated) == sizeof(long));
    STATIC_REQUIRE(alignof(annotated) == alignof(long));
    STATIC_REQUIRE(noexcept(std::declval<const annotated&>().look()));
    const annotated one;
    REQUIRE(one.look() == 0);
}
