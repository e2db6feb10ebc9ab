// SPDX-License-Identifier: BSL-1.0
// Built optimised even where the rest is not: that it compiles is most of the test.
#include "gup/linear.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/linear_scene.hpp"

using namespace gup_test;

writer_ref gup_test::get_through_linear(pretended_pool& pool) {
    gup::linear page{gup::get_user_page(pool)};
    return std::move(page).relax();
}

namespace {

void wipe(std::span<std::byte> bytes) noexcept {
    for (std::byte& b : bytes) b = {};
}

bool every_other_time() noexcept {
    static int calls = 0;
    return ++calls % 2 == 0;
}

} // namespace

TEST_CASE("a proven linear reference is put on every path") {
    auto pool = pool_of(1);

    for (int i = 0; i < 4; ++i) {
        gup::linear page{gup::get_user_page(pool)};
        if (every_other_time()) {
            gup::put_user_page(std::move(page), gup::clean);
            continue;
        }
        for (int j = 0; j < 3; ++j) wipe(page.bytes());
        auto again = gup::ref_user_page<gup::dma_access::read>(page);
        gup::put_user_page(std::move(page), gup::dirty);
        gup::put_user_page(std::move(again));
    }

    CHECK(pool.stats().free == 1);
}

TEST_CASE("what is shared with a translation unit that proves nothing works here too") {
    auto pool = pool_of(1);

    CHECK(pinned_while_linear(pool) == 1);
    put_through_linear(get_through_linear(pool), gup::dirty);
    CHECK(pool.stats().free == 1);
}
