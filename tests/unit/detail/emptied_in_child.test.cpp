// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/emptied_in_child.hpp"

#include "gup/kernel.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/failing_kernel.hpp"

#include <cerrno>

namespace {

using kernel = gup_test::failing_kernel<gup::system_kernel, struct emptied>;

struct pair {
    int one = 1;
    int two = 2;
};

auto make() { return gup::detail::make_emptied_in_child<pair, kernel>(); }

} // namespace

TEST_CASE("an object that a child finds empty is as it was in the parent") {
    kernel::plan_nothing();
    {
        const auto made = make();
        const auto child = gup_test::in_child([&] { return made->one + made->two; });
        CHECK(child.exited_with(0));
        CHECK(made->one + made->two == 3);
    }
    CHECK(kernel::mapped.bytes() == 0);
}

TEST_CASE("where the kernel refuses to empty it, or to give a page, a child finds it as it is") {
    for (const int refused : {1, 2}) {
        kernel::plan(refused, EINVAL);
        {
            const auto made = make();
            kernel::plan_nothing();
            CHECK(gup_test::in_child([&] { return made->one + made->two; }).exited_with(3));
        }
        CHECK(kernel::mapped.bytes() == 0);
    }
}
