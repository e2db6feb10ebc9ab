// SPDX-License-Identifier: BSL-1.0
// Which completions give a reference back, and what becomes of its page, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace {

using gup::dma_access;
using gup_test::contains;
using gup_test::made_up;
using gup_test::stub_ring;
using gup_test::what_of;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using ref = gup_test::stub_ref;
using scene = gup_test::stub_scene;

} // namespace

TEST_CASE("a completion gives a reference back once, and says why not a second time") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0);
    const auto done = made_up(entry.user_data, 8192);
    auto back = gup::complete(s.made, done);

    CHECK_FALSE(gup::owns(s.made, done));
    CHECK_FALSE(gup::try_complete(s.made, done));
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(s.made, done)); }), "second time"));
    gup::prep_write_fixed(s.ring.entry(), 3, std::move(back), 0); // the record is in use again
    CHECK_FALSE(gup::try_complete(s.made, done));
    CHECK(s.pages.stats().in_flight == 1);
    static_cast<void>(gup::take_back(s.made, s.ring.handle().sq.sqes[1]));
}

TEST_CASE("an operation is over with its first completion that announces no other") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_send_zc_fixed(entry, 3, gup::get_user_page(s.pages), 0);
    const auto first = made_up(entry.user_data, 8192, IORING_CQE_F_MORE);
    CHECK_FALSE(gup::try_complete(s.made, first));
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(s.made, first)); }), "IORING_CQE_F_MORE"));
    CHECK(gup::owns(s.made, first));
    CHECK(gup::try_complete(s.made, made_up(entry.user_data, 0, IORING_CQE_F_NOTIF)));

    auto token = gup::prep_send_zc_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 9});
    CHECK_FALSE(gup::try_complete(token, made_up(9, 8192, IORING_CQE_F_MORE)));
    CHECK_FALSE(gup::try_complete(token, made_up(8)));
    CHECK(token);
    CHECK_THROWS_AS(gup::complete(std::move(token), made_up(8)), gup::pin_error);
    CHECK(gup::try_complete(token, made_up(9, 0, IORING_CQE_F_NOTIF)));
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(std::move(token), made_up(9))); }),
                   "second time"));
}

TEST_CASE("a token that is assigned knows that its send ends with a notification") {
    scene s;
    auto token = gup::prep_read_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 8});
    CHECK_FALSE(gup::try_complete(token, made_up(8, 0, IORING_CQE_F_NOTIF)));
    CHECK(gup::try_complete(token, made_up(8)));
    token = gup::prep_send_zc_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 9});
    CHECK(gup::try_complete(token, made_up(9, 0, IORING_CQE_F_NOTIF)));
}

TEST_CASE("a completion must name the access that the reference had") {
    scene s;
    const auto page = gup::get_user_page(s.pages);
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_write_fixed(entry, 3, gup::ref_user_page<dma_access::to_device>(page), 0);
    const auto done = made_up(entry.user_data);
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(s.made, done)); }), "another access"));
    CHECK_FALSE(gup::try_complete<dma_access::read>(s.made, done));
    CHECK(gup::try_complete<dma_access::to_device>(s.made, done));
}

TEST_CASE("a completion must name the type of domain that the page is of") {
    stub_ring ring;
    domain made(ring.handle());
    using local_domain = gup::local<domain>;
    gup::page_pool<local_domain> pages(local_domain(made), gup_test::small(1));
    io_uring_sqe& entry = ring.entry();
    gup::prep_write_fixed(entry, 3, gup::get_user_page(pages), 0);
    const auto done = made_up(entry.user_data);
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(made, done)); }), "another type of domain"));
    CHECK(
        contains(what_of([&] { static_cast<void>(gup::take_back(made, entry)); }), "another type of domain"));
    gup::put_user_page(gup::complete(pages.domain(), done), gup::clean);
}

TEST_CASE("a page is dirty when a device could have written it, whatever the result") {
    scene s;
    const auto page = gup::get_page(s.pages);
    const auto dirty_after = [&](int result, auto prepare) {
        static_cast<void>(gup::clear_page_dirty_for_io(page));
        io_uring_sqe& entry = s.ring.entry();
        prepare(entry, gup::get_user_page(page));
        auto back = gup::complete(s.made, made_up(entry.user_data, result));
        gup::put_user_page(std::move(back), gup::clean);
        return gup::page_dirty(page);
    };
    const auto read = [](io_uring_sqe& entry, ref pin) { gup::prep_read_fixed(entry, 3, std::move(pin), 0); };
    const auto write = [](io_uring_sqe& entry, ref pin) {
        gup::prep_write_fixed(entry, 3, std::move(pin), 0);
    };
    const auto send = [](io_uring_sqe& entry, ref pin) {
        gup::prep_send_zc_fixed(entry, 3, std::move(pin), 0);
    };
    CHECK(dirty_after(8192, read));
    CHECK(dirty_after(0, read));
    CHECK(dirty_after(-EIO, read));
    CHECK_FALSE(dirty_after(8192, write));
    CHECK_FALSE(dirty_after(-EPIPE, send));
}

TEST_CASE("a token makes its page dirty by the same rule, also when it has moved") {
    scene s;
    const auto page = gup::get_page(s.pages);
    auto write = gup::prep_write_fixed(s.ring.entry(), 3, gup::get_user_page(page), 0, {.user_data = 1});
    gup::put_user_page(gup::complete(std::move(write), made_up(1)), gup::clean);
    CHECK_FALSE(gup::page_dirty(page));

    auto read = gup::prep_read_fixed(s.ring.entry(), 3, gup::get_user_page(page), 0, {.user_data = 2});
    auto moved = std::move(read);
    gup::put_user_page(gup::complete(std::move(moved), made_up(2, -EIO)), gup::clean);
    CHECK(gup::page_dirty(page));
}

TEST_CASE("statistics count both forms of operations, of the pool's own pages only") {
    scene s;
    pool others(s.made, gup_test::small(1));
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0);
    auto token = gup::prep_write_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 1});
    CHECK(s.pages.stats().in_flight == 2);
    CHECK(others.stats().in_flight == 0);
    CHECK(gup::try_complete(s.made, made_up(entry.user_data)));
    CHECK(s.pages.stats().in_flight == 1);
    CHECK(gup::try_complete(token, made_up(1)));
    CHECK(s.pages.stats().in_flight == 0);
}

TEST_CASE("a token that is dropped reports it and keeps the page and the pool for good") {
    const gup_test::leak_listener leaks;
    scene s;
    auto page = gup::get_user_page(s.pages);
    const void* const address = page.bytes().data();
    const auto again =
        gup::ref_user_page(page); // what a leak checker finds the pool by, and undoes the leak below
    { const auto token = gup::prep_write_fixed(s.ring.entry(), 3, std::move(page), 0, {.user_data = 1}); }
    REQUIRE(leaks.heard.size() == 1);
    CHECK(leaks.heard[0].range.data() == address);
    CHECK(leaks.heard[0].range.size() == 8192);
    CHECK(s.pages.stats().in_flight == 1);
    CHECK(s.pages.stats().pinned == 1);

    static_cast<void>(gup::detail::reference_access::make<ref>(gup::detail::reference_access::word(again)));
}

TEST_CASE("a cookie comes back with the page, by both forms of complete") {
    scene s;
    io_uring_sqe& first = s.ring.entry();
    io_uring_sqe& second = s.ring.entry();
    gup::prep_write_fixed(first, 3, gup::get_user_page(s.pages), 0, {.cookie = 4711});
    gup::prep_read_fixed(second, 3, gup::get_user_page(s.pages), 0, {.part = {.length = 1}, .cookie = ~0ULL});

    std::uint64_t cookie = 1;
    CHECK_THROWS_AS(gup::complete(s.made, made_up(1), cookie), gup::pin_error);
    CHECK_FALSE(gup::try_complete(s.made, made_up(1), cookie));
    CHECK(cookie == 1);
    CHECK(gup::complete(s.made, made_up(first.user_data), cookie));
    CHECK(cookie == 4711);
    CHECK(gup::try_complete(s.made, made_up(second.user_data), cookie));
    CHECK(cookie == ~0ULL);
}

TEST_CASE("an operation without a cookie has none, whatever its record had before") {
    scene s;
    std::uint64_t cookie = 1;
    for (int i = 0; i < 40; ++i) { // every record
        io_uring_sqe& entry = s.ring.entry();
        gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.cookie = 7});
        CHECK(gup::complete(s.made, made_up(entry.user_data), cookie));
        gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0);
        CHECK(gup::complete(s.made, made_up(entry.user_data), cookie));
        CHECK(cookie == 0);
        s.ring.submit();
    }
}

TEST_CASE("entries are taken as pointers, too, as liburing gives them") {
    scene s;
    io_uring_sqe* const entry = &s.ring.entry();
    gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0);
    CHECK(gup::take_back(s.made, entry));
    int object = 0;
    auto token = gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.user_data = &object});
    CHECK(token.user_data() == reinterpret_cast<std::uintptr_t>(&object));
    io_uring_cqe made{}; // NOLINT: its last member has no size
    made.user_data = token.user_data();
    const io_uring_cqe* const done = &made;
    CHECK(gup::complete(std::move(token), done));
}

TEST_CASE("an entry that is not there completes and takes back nothing") {
    scene s;
    const io_uring_cqe* const none = nullptr;
    io_uring_sqe* const no_entry = nullptr;
    auto token = gup::prep_write_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 1});

    CHECK_FALSE(gup::owns(s.made, none));
    CHECK_FALSE(gup::try_complete(s.made, none));
    CHECK_FALSE(gup::try_complete(token, none));
    CHECK_FALSE(gup::try_take_back(s.made, no_entry));
    CHECK_FALSE(gup::try_take_back(token, no_entry));
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(s.made, none)); }), "there is no entry"));
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(std::move(token), none)); }),
                   "there is no entry"));
    REQUIRE(token);
    CHECK(gup::complete(std::move(token), made_up(1)));
}

TEST_CASE("a token is named or moved, and is empty if and only if it gave its reference back") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    const auto prepare = [&] {
        return gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    };
    const auto right = made_up(5);
    const auto other = made_up(6);
    auto token = prepare();
    CHECK_THROWS_AS(gup::complete(token, other), gup::pin_error);
    CHECK_THROWS_AS(gup::complete(std::move(token), other), gup::pin_error);
    CHECK_FALSE(gup::try_complete(token, other));
    CHECK_FALSE(gup::try_complete(std::move(token), other));
    CHECK(gup::complete(token, right));
    CHECK_FALSE(token);
    token = prepare();
    CHECK(gup::complete(std::move(token), right));
    CHECK_FALSE(token);
    token = prepare();
    CHECK(gup::try_complete(std::move(token), right));
    CHECK_FALSE(token);
    token = prepare();
    CHECK(gup::take_back(token, entry));
    CHECK_FALSE(token);
    token = prepare();
    CHECK(gup::try_take_back(std::move(token), entry));
    CHECK_FALSE(token);
    CHECK_THROWS_AS(gup::take_back(token, entry), gup::pin_error);
    CHECK(s.pages.stats().pinned == 0);
}

TEST_CASE("a completion of no operation is told from one that is over and from a foreign one") {
    scene s;
    const auto why = [&](std::uint64_t user_data) {
        return what_of([&] { static_cast<void>(gup::complete(s.made, made_up(user_data))); });
    };
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0);
    const std::uint64_t number = entry.user_data;
    static_cast<void>(gup::complete(s.made, made_up(number)));
    CHECK(contains(why(number), "io_uring_cqe_seen"));
    CHECK(contains(why(7), "io_uring_sqe_set_data"));
    CHECK(contains(why(~std::uint64_t{0}), "refused or taken back"));
}

TEST_CASE("completions say why they give nothing without throwing, too") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_send_zc_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.cookie = 4711});
    const std::uint64_t number = entry.user_data;
    std::uint64_t cookie = 1;
    std::error_code error;
    const auto why = [&](gup::completion_entry cqe) {
        CHECK_FALSE(gup::complete(s.made, cqe, cookie, error));
        const std::error_code with_cookie = error;
        CHECK_FALSE(gup::complete(s.made, cqe, error));
        CHECK(error == with_cookie);
        return error.value();
    };
    CHECK(why(nullptr) == EINVAL);
    CHECK(why(made_up(7)) == ESTALE);
    CHECK(why(made_up(number, 0, IORING_CQE_F_MORE)) == EINPROGRESS);
    CHECK_FALSE(gup::complete<dma_access::to_device>(s.made, made_up(number), error));
    CHECK(error == std::errc::invalid_argument);
    CHECK(cookie == 1);
    CHECK(gup::complete(s.made, made_up(number), cookie, error));
    CHECK_FALSE(error);
    CHECK(cookie == 4711);
    CHECK(why(made_up(number)) == ESTALE);

    gup::prep_read_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0);
    CHECK(gup::complete(s.made, made_up(s.ring.handle().sq.sqes[1].user_data), error));
    CHECK_FALSE(error);
}

TEST_CASE("a token says why it gives nothing without throwing, too, and keeps its page") {
    scene s;
    auto token = gup::prep_send_zc_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 9});
    std::error_code error;
    const auto why = [&](gup::completion_entry cqe) {
        CHECK_FALSE(gup::complete(token, cqe, error));
        return error.value();
    };
    CHECK(why(nullptr) == EINVAL);
    CHECK(why(made_up(8)) == ESTALE);
    CHECK(why(made_up(9, 0, IORING_CQE_F_MORE)) == EINPROGRESS);
    REQUIRE(token);
    CHECK(gup::complete(std::move(token), made_up(9), error));
    CHECK_FALSE(error);
    CHECK(why(made_up(9)) == ESTALE);
}
