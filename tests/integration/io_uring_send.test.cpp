// SPDX-License-Identifier: BSL-1.0
// Zero-copy sends on the real kernel: a page is free with the last of one or two completions.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ring_scene.hpp"
#include "gup_test/sockets.hpp"

#include <cerrno>
#include <utility>

namespace {

using gup_test::completion;
using gup_test::loopback_pair;
using gup_test::pattern;
using gup_test::ring_scene;
using gup_test::same;

constexpr std::size_t page_bytes = ring_scene::page_bytes;

bool knows_send_zc() {
    io_uring_probe* const probe = ::io_uring_get_probe();
    const bool known = probe != nullptr && ::io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0;
    ::io_uring_free_probe(probe);
    return gup_test::have(known, "no IORING_OP_SEND_ZC: Linux 6.0 or newer is needed");
}

/// What the kernel said of one send: its completions until the page came back.
struct story {
    std::vector<completion> all;
    ring_scene::ref back;
};

/// Submits, and reaps with `try_complete` until that gives the page back.
template <class TryComplete>
story until_back(ring_scene& s, TryComplete try_complete) {
    REQUIRE(s.r.submit() >= 0);
    story told;
    while (!told.back) {
        told.all.push_back(s.r.wait());
        if (auto back = try_complete(told.all.back())) told.back = std::move(*back);
    }
    return told;
}
story until_back(ring_scene& s) {
    return until_back(s, [&](const completion& done) { return gup::try_complete(*s.d, done); });
}

void check_two_completions(const story& told, std::size_t sent) {
    REQUIRE(told.all.size() == 2);
    CHECK(told.all[0].res == static_cast<int>(sent));
    CHECK((told.all[0].flags & IORING_CQE_F_MORE) != 0);
    CHECK((told.all[1].flags & IORING_CQE_F_NOTIF) != 0);
    CHECK((told.all[1].flags & IORING_CQE_F_MORE) == 0);
}

} // namespace

TEST_CASE("a page sent over TCP comes back with the notification, not with the result") {
    ring_scene s;
    if (!s.ok() || !knows_send_zc()) return;
    const auto sockets = loopback_pair(SOCK_STREAM);
    const auto content = pattern(page_bytes);
    gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), s.filled(content), MSG_NOSIGNAL);
    REQUIRE(s.r.submit() == 1);
    const completion result = s.r.wait();
    CHECK((result.flags & IORING_CQE_F_MORE) != 0);
    CHECK_THROWS_AS(gup::complete(*s.d, result), gup::pin_error);
    CHECK(s.p->stats().in_flight == 1);
    CHECK(same(sockets.receive(page_bytes), content)); // on loopback the page is free once it was received
    const completion notification = s.r.wait();
    CHECK((notification.flags & IORING_CQE_F_NOTIF) != 0);
    CHECK(notification.user_data == result.user_data);
    const auto back = gup::complete(*s.d, notification);
    CHECK_FALSE(gup::page_dirty(back));
    CHECK_FALSE(gup::try_complete(*s.d, result));
    CHECK_FALSE(gup::try_complete(*s.d, notification));
}

TEST_CASE("a part of a page is sent over UDP, with a token") {
    ring_scene s;
    if (!s.ok() || !knows_send_zc()) return;
    const auto sockets = loopback_pair(SOCK_DGRAM);
    const auto content = pattern(page_bytes);
    auto token = gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), s.filled(content), 0,
                                         {.part = {.offset = 100, .length = 1000}, .user_data = 7});
    REQUIRE(s.r.submit() == 1);
    const completion result = s.r.wait();
    CHECK(result.res == 1000);
    CHECK_FALSE(gup::try_complete(token, result));
    CHECK(same(sockets.receive(1000), std::span(content).subspan(100, 1000)));
    const story rest{{result, s.r.wait()}, {}};
    check_two_completions(rest, 1000);
    CHECK(gup::try_complete(token, rest.all[1]));
}

TEST_CASE("pages of every access are sent") {
    ring_scene s;
    if (!s.ok() || !knows_send_zc()) return;
    const auto sockets = loopback_pair(SOCK_DGRAM);
    const auto page = s.filled(pattern(page_bytes));
    gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), gup::ref_user_page<gup::dma_access::read>(page),
                            0);
    gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(),
                            gup::ref_user_page<gup::dma_access::to_device>(page), 0);
    REQUIRE(s.r.submit() == 2);
    for (int i = 0; i < 2; ++i) CHECK(sockets.receive(page_bytes).size() == page_bytes);
    int back = 0;
    for (int i = 0; i < 4; ++i) {
        const completion done = s.r.wait();
        back += gup::try_complete<gup::dma_access::read>(*s.d, done).has_value();
        back += gup::try_complete<gup::dma_access::to_device>(*s.d, done).has_value();
    }
    CHECK(back == 2);
}

TEST_CASE("a send that fails at once gives its page back") {
    ring_scene s;
    if (!s.ok() || !knows_send_zc()) return;
    gup::prep_send_zc_fixed(s.r.entry(), -1, gup::get_user_page(*s.p), 0);
    const story told = until_back(s);
    CHECK(told.all[0].res == -EBADF);
    CHECK(s.r.silent());
}

TEST_CASE("a send that fails later gives its page back with whatever completion is the last") {
    ring_scene s;
    if (!s.ok() || !knows_send_zc()) return;
    SECTION("the socket is shut down") {
        const auto sockets = loopback_pair(SOCK_STREAM);
        REQUIRE(::shutdown(sockets.from.fd(), SHUT_WR) == 0);
        gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), gup::get_user_page(*s.p), MSG_NOSIGNAL);
        CHECK(until_back(s).all[0].res == -EPIPE);
    }
    SECTION("the socket cannot send without copying") {
        const auto sockets = gup_test::local_pair();
        gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), gup::get_user_page(*s.p), MSG_NOSIGNAL);
        CHECK(until_back(s).all[0].res == -EOPNOTSUPP);
    }
    SECTION("the datagram is too long, with a token") {
        gup::page_pool large(*s.d, gup_test::small(1, 131072));
        const auto sockets = loopback_pair(SOCK_DGRAM);
        auto token = gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), gup::get_user_page(large), 0,
                                             {.user_data = 7});
        const story told =
            until_back(s, [&](const completion& done) { return gup::try_complete(token, done); });
        CHECK(told.all[0].res == -EMSGSIZE);
    }
    CHECK(s.p->stats().in_flight == 0);
    CHECK(s.p->stats().pinned == 0);
    CHECK(s.r.silent());
}

TEST_CASE("a send that is cancelled with its chain is over once, whatever the kernel posts later") {
    ring_scene s;
    if (!s.ok() || !knows_send_zc()) return;
    const auto sockets = loopback_pair(SOCK_STREAM);
    const auto fail_chain = [&] {
        io_uring_sqe& head = s.r.entry();
        gup::prep_read_fixed(head, -1, gup::get_user_page(*s.p), 0);
        head.flags |= IOSQE_IO_LINK;
    };
    fail_chain();
    gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), gup::get_user_page(*s.p), MSG_NOSIGNAL);
    CHECK(until_back(s).all[0].res == -EBADF);
    const story told = until_back(s);
    CHECK(told.all.back().res == -ECANCELED);
    CHECK(s.p->stats().in_flight == 0);
    completion late = told.all.back();
    io_uring_prep_nop(&s.r.entry());
    s.r.submit();
    for (int i = 0; i < 2 && late.user_data != 0; ++i) {
        late = s.r.wait(); // of the cancelled send, or of the no-op
        CHECK_FALSE(gup::try_complete(*s.d, late));
    }

    fail_chain();
    auto send = gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), gup::get_user_page(*s.p),
                                        MSG_NOSIGNAL, {.user_data = 7});
    CHECK(until_back(s).all[0].res == -EBADF);
    until_back(s, [&](const completion& done) { return gup::try_complete(send, done); });
    auto read =
        gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0, {.user_data = 7});
    CHECK_FALSE(gup::try_complete(read, gup_test::made_up(7, 0, IORING_CQE_F_NOTIF)));
    static_cast<void>(
        gup::take_back(std::move(read), s.r.handle().sq.sqes[(s.r.handle().sq.sqe_tail - 1) & 15]));
}

TEST_CASE("a stream takes part of a page when it is full, and the page still comes back") {
    ring_scene s;
    if (!s.ok() || !knows_send_zc()) return;
    gup::page_pool large(*s.d, gup_test::small(1, std::size_t{16} << 20));
    const auto sockets = loopback_pair(SOCK_STREAM);
    auto page = gup::get_user_page(large);
    gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), std::move(page), MSG_DONTWAIT | MSG_NOSIGNAL);
    REQUIRE(s.r.submit() == 1);
    const completion result = s.r.wait();
    CHECK(result.res > 0);
    CHECK(result.res < 16 << 20);
    CHECK_FALSE(gup::try_complete(*s.d, result));
    CHECK(large.stats().in_flight == 1);
    CHECK(sockets.receive(static_cast<std::size_t>(result.res)).size() > 0);
    CHECK(gup::try_complete(*s.d, s.r.wait()));
}
