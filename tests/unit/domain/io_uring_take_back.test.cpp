// SPDX-License-Identifier: BSL-1.0
// Taking back what was prepared, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace {

using gup_test::contains;
using gup_test::made_up;
using gup_test::stub_ring;
using gup_test::what_of;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using scene = gup_test::queue_scene;

constexpr std::uint64_t of_no_operation = ~std::uint64_t{0};

/// Everything that `scene` prepared comes back.
void finish(scene& s, const io_uring_sqe& entry) {
    CHECK(gup::try_complete(s.made, made_up(entry.user_data)));
}

} // namespace

TEST_CASE("an operation taken back leaves an idle entry and no trace in the domain") {
    scene s;
    io_uring_sqe& entry = s.prepare();
    const std::uint64_t user_data = entry.user_data;
    auto back = gup::take_back(s.made, entry);

    REQUIRE(back);
    CHECK(entry.opcode == IORING_OP_NOP);
    CHECK(entry.flags == 0);
    CHECK(gup::detail::is_idle(entry));
    CHECK(s.pages.stats().in_flight == 0);
    CHECK_FALSE(gup::owns(s.made, made_up(user_data)));
    CHECK(contains(what_of([&] { static_cast<void>(gup::take_back(s.made, entry)); }),
                   "no operation in flight"));
    CHECK_FALSE(gup::page_dirty(back));
}

TEST_CASE("an operation is not taken back by a copy of its entry on another ring of the domain") {
    stub_ring ring;
    stub_ring other;
    domain made(ring.handle(), other.handle());
    pool pages(made, gup_test::small(1));
    io_uring_sqe& entry = ring.entry();
    gup::prep_read_fixed(entry, 3, gup::get_user_page(pages), 0);
    ring.submit();
    io_uring_sqe& copy = other.entry();
    copy = entry;
    CHECK_THROWS_AS(gup::take_back(made, copy), gup::pin_error);
    CHECK(pages.stats().in_flight == 1);
    CHECK(gup::try_complete(made, made_up(entry.user_data)));
}

TEST_CASE("a token gives back what it prepared, and only for its own entry") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    auto token = gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    CHECK(contains(what_of([&] { static_cast<void>(gup::take_back(std::move(token), s.ring.entry())); }),
                   "no operation in flight"));
    CHECK(token);
    stub_ring foreign;
    io_uring_sqe& elsewhere = foreign.entry();
    elsewhere.user_data = 5;
    CHECK_THROWS_AS(gup::take_back(std::move(token), elsewhere), gup::pin_error);
    CHECK(token);

    auto back = gup::take_back(std::move(token), entry);
    CHECK(back);
    CHECK_FALSE(token);
    CHECK(entry.opcode == IORING_OP_NOP);
    CHECK(entry.user_data == of_no_operation); // 5 may name another operation by the time the kernel is here
    CHECK_THROWS_AS(gup::take_back(std::move(token), entry), gup::pin_error);
}

TEST_CASE("trying to take back gives the reference, or nothing where taking back throws") {
    scene s;
    io_uring_sqe& entry = s.prepare();
    CHECK_FALSE(gup::try_take_back<gup::dma_access::to_device>(s.made, entry));
    CHECK(s.pages.stats().in_flight == 1);
    CHECK(gup::try_take_back(s.made, entry).value());
    CHECK(entry.opcode == IORING_OP_NOP);
    CHECK_FALSE(gup::try_take_back(s.made, entry));

    io_uring_sqe& with_token = s.ring.entry();
    auto token = gup::prep_read_fixed(with_token, 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    CHECK_FALSE(gup::try_take_back(token, entry));
    CHECK(token);
    CHECK(gup::try_take_back(token, with_token).value());
    CHECK_FALSE(token);
    CHECK(with_token.opcode == IORING_OP_NOP);
    CHECK_FALSE(gup::try_take_back(token, with_token));
    CHECK(s.pages.stats().in_flight == 0);

    io_uring_sqe& taken = s.prepare();
    s.ring.submit();
    CHECK_FALSE(gup::try_take_back(s.made, taken));
    finish(s, taken);
}

TEST_CASE("what the kernel has taken is not given back") {
    scene s;
    io_uring_sqe& entry = s.prepare();
    io_uring_sqe& with_token = s.ring.entry();
    auto token = gup::prep_read_fixed(with_token, 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    s.ring.submit();
    CHECK(contains(what_of([&] { static_cast<void>(gup::take_back(s.made, entry)); }),
                   "wait for its completion"));
    CHECK(contains(what_of([&] { static_cast<void>(gup::take_back(std::move(token), with_token)); }),
                   "wait for its completion"));
    CHECK(entry.opcode == IORING_OP_READ_FIXED);
    CHECK(token);
    CHECK(s.pages.stats().in_flight == 2);
    finish(s, entry);
    CHECK(gup::try_complete(token, made_up(5)));
}

TEST_CASE("what is flushed can be taken back unless a kernel thread polls the queue") {
    scene s;
    io_uring_sqe& entry = s.prepare();
    s.ring.flush();
    CHECK(gup::take_back(s.made, entry));

    scene polled(IORING_SETUP_SQPOLL);
    io_uring_sqe& unflushed = polled.prepare();
    CHECK(gup::take_back(polled.made, unflushed));
    io_uring_sqe& flushed = polled.prepare();
    polled.ring.flush();
    CHECK_THROWS_AS(gup::take_back(polled.made, flushed), gup::pin_error);
    finish(polled, flushed);
}

TEST_CASE("an entry is found wherever the queue has wrapped to") {
    scene s;
    for (int i = 0; i < 6; ++i) io_uring_prep_nop(&s.ring.entry());
    s.ring.submit();
    io_uring_sqe& first = s.prepare();
    for (int i = 0; i < 4; ++i) io_uring_prep_nop(&s.ring.entry());
    io_uring_sqe& last = s.prepare();
    CHECK(gup::take_back(s.made, last));
    CHECK(gup::take_back(s.made, first));
}

TEST_CASE("a ring of large entries is looked at in its own steps") {
    scene s(IORING_SETUP_SQE128);
    io_uring_sqe* const entries = s.ring.handle().sq.sqes;
    s.ring.handle().sq.sqe_tail = 2;
    gup::prep_read_fixed(entries[2], 3, gup::get_user_page(s.pages), 0); // the second
    CHECK(gup::take_back(s.made, entries[2]));
    gup::prep_read_fixed(entries[4], 3, gup::get_user_page(s.pages), 0); // beyond the tail
    CHECK_THROWS_AS(gup::take_back(s.made, entries[4]), gup::pin_error);
    finish(s, entries[4]);
    gup::prep_read_fixed(entries[14], 3, gup::get_user_page(s.pages), 0); // the last
    finish(s, entries[14]);
}

TEST_CASE("an entry in a chain keeps it together") {
    scene s;
    io_uring_sqe& first = s.prepare(IOSQE_IO_LINK | IOSQE_ASYNC);
    io_uring_sqe& second = s.prepare(IOSQE_IO_HARDLINK);
    io_uring_sqe& third = s.prepare();
    for (io_uring_sqe* const entry : {&first, &second, &third}) CHECK(gup::take_back(s.made, *entry));
    CHECK(first.flags == IOSQE_IO_LINK);
    CHECK(second.flags == IOSQE_IO_HARDLINK);
    CHECK(third.flags == 0);
    CHECK_FALSE(s.refused());
}

TEST_CASE("an entry that drains stays in the queue, because what comes after it waits") {
    scene s;
    io_uring_sqe& entry = s.prepare(IOSQE_IO_DRAIN | IOSQE_ASYNC);
    CHECK(gup::take_back(s.made, entry));
    CHECK(entry.flags == IOSQE_IO_DRAIN);
    CHECK_FALSE(gup::detail::is_idle(entry));
    CHECK_FALSE(gup::try_complete(s.made, made_up(entry.user_data)));
}

TEST_CASE("an operation is taken back whatever its user_data was changed to") {
    scene s;
    const std::array entries{&s.prepare(), &s.prepare(), &s.prepare()};
    const std::array<std::uint64_t, 3> kept{entries[0]->user_data, 7, of_no_operation};
    for (std::size_t i = 0; i < entries.size(); ++i) entries[i]->user_data = kept[i];
    for (io_uring_sqe* const entry : entries) CHECK(gup::take_back(s.made, *entry));
    auto token = gup::prep_read_fixed(*entries[0], 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    entries[0]->user_data = 7;
    CHECK(gup::take_back(token, *entries[0]));
    CHECK(s.pages.stats().in_flight == 0);
}

TEST_CASE("an operation is not taken back by an entry that repeats its user_data") {
    scene s;
    const std::uint64_t number = s.prepare().user_data;
    s.ring.submit();
    s.told();
    io_uring_sqe& copy = s.ring.entry();
    copy.user_data = number;
    CHECK_FALSE(gup::try_take_back(s.made, copy));
    CHECK(gup::try_complete(s.made, made_up(number)));
}

TEST_CASE("an entry of the program's is taken for no operation, whatever page it names") {
    scene s;
    const auto page = gup::get_user_page(s.pages);
    gup::prep_write_fixed(s.ring.entry(), 3, gup::ref_user_page(page), 0);
    io_uring_sqe& own = s.ring.entry();
    io_uring_prep_write(&own, 3, page.bytes().data(), 1, 0);
    own.user_data = 7;
    CHECK_FALSE(gup::try_take_back(s.made, own));
    CHECK_FALSE(s.refused());
    s.ring.submit(); // by itself
    CHECK_FALSE(gup::try_take_back(s.made, own));
    io_uring_sqe& later = s.ring.entry();
    later = own;
    CHECK_FALSE(gup::try_take_back(s.made, later));
    CHECK_FALSE(s.refused());
    finish(s, s.ring.handle().sq.sqes[0]);
}

TEST_CASE("a token is not taken back by its entry once that has been handed out again") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    auto token = gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    s.ring.submit(); // as by io_uring_submit, which leaves the user_data in the entry
    for (unsigned i = 1; i < stub_ring::entries; ++i) io_uring_prep_nop(&s.ring.entry());
    REQUIRE(&s.ring.entry() == &entry);

    CHECK_FALSE(s.refused());
    CHECK(contains(what_of([&] { static_cast<void>(gup::take_back(std::move(token), entry)); }),
                   "no operation in flight"));
    CHECK(s.pages.stats().in_flight == 1);
    CHECK(gup::try_complete(token, made_up(5)));
}

TEST_CASE("a token is not taken back by an entry of the program's with the same user_data") {
    scene s;
    auto token = gup::prep_read_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    s.ring.submit();
    io_uring_sqe& own = s.ring.entry();
    own.user_data = 5;

    CHECK_THROWS_AS(gup::take_back(std::move(token), own), gup::pin_error);
    CHECK(token);
    CHECK(gup::try_complete(token, made_up(5)));
}

TEST_CASE("an operation that is taken back gives its cookie back, and says what could not be done") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_write_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.cookie = 17});
    std::uint64_t cookie = 0;
    CHECK(gup::try_take_back(s.made, entry, cookie));
    CHECK(cookie == 17);
    CHECK_FALSE(gup::try_take_back(s.made, entry, cookie));
    CHECK(cookie == 17);
    CHECK(contains(what_of([&] { static_cast<void>(gup::take_back(s.made, entry)); }),
                   "taking an io_uring operation back"));
}
