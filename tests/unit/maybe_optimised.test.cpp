// SPDX-License-Identifier: BSL-1.0
// What becomes of programs that do not look, built with -O2 and NDEBUG: nothing is checked there, and
// nobody's page is written.
#include "gup/maybe.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"

#include <csignal>

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

/// Of which the optimiser sees that it has no page.
[[gnu::noinline]] int use_empty() {
    gup::user_page_ref<pretended> none;
    none.bytes()[0] = std::byte{1};
    return ran_on;
}

/// Whether a program that does this ends before it is through.
template <class Body>
bool ends_before(Body body) {
    return !in_child([&] {
                ::signal(SIGILL, SIG_DFL);
                ::signal(SIGSEGV, SIG_DFL); // not the report of the test framework
                return body();
            }).exited_with(ran_on);
}

} // namespace

TEST_CASE("an optimised program that uses nothing as a page ends and writes to none") {
    auto pool = pool_of(1);
    SECTION("of a pool without free pages") {
        const auto only = gup::get_user_page(pool);
        CHECK(ends_before([&] { return write_unseen(pool); }));
    }
    SECTION("that was not found") {
        CHECK(ends_before([&] { return find_unseen(pool, &pool); }));
    }
    SECTION("that never was any") {
        CHECK(ends_before([&] { return use_empty(); }));
    }
    SECTION("that was put") {
        CHECK(ends_before([&] { return put_twice(pool); }));
    }
}
