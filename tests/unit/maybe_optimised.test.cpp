// SPDX-License-Identifier: BSL-1.0
// What becomes of programs that do not look, built with -O2 and NDEBUG: nothing is checked there, and
// nobody's page is written.
#include "gup/maybe.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"

using namespace gup_test;

namespace {

constexpr int ran_on = 0;

/// Writes to a page that is perhaps not there. Not inline: as in a program whose pool comes from elsewhere.
[[gnu::noinline]] int write_unseen(pretended_pool& pool) {
    auto page = gup::try_get_user_page(pool);
    page->bytes()[0] = std::byte{1};
    gup::put_user_page(*std::move(page), gup::dirty);
    return ran_on;
}
[[gnu::noinline]] int find_unseen(pretended_pool& pool, const void* address) {
    auto page = gup::find_get_page(pool, address);
    page->bytes()[0] = std::byte{1};
    gup::put_page(*std::move(page));
    return ran_on;
}
[[gnu::noinline]] int put_twice(pretended_pool& pool) {
    auto page = gup::try_get_user_page(pool);
    gup::put_user_page(*std::move(page), gup::clean);
    gup::put_user_page(*std::move(page), gup::clean);
    return ran_on;
}

} // namespace

TEST_CASE("an optimised program that uses nothing as a page ends and writes to none") {
    auto pool = pool_of(1);
    SECTION("of a pool without free pages") {
        const auto only = gup::get_user_page(pool);
        CHECK_FALSE(in_child([&] { return write_unseen(pool); }).exited_with(ran_on));
    }
    SECTION("that was not found") {
        CHECK_FALSE(in_child([&] { return find_unseen(pool, &pool); }).exited_with(ran_on));
    }
    SECTION("that was put") {
        CHECK_FALSE(in_child([&] { return put_twice(pool); }).exited_with(ran_on));
    }
}
