// SPDX-License-Identifier: BSL-1.0
// A ring is ended on the real kernel, whatever is in flight on it.
#include "gup/domain/io_uring_end.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/ring_scene.hpp"
#include "gup_test/sockets.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <poll.h>
#include <set>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

namespace {

using namespace std::chrono_literals;
using gup_test::basic_ring_scene;
using gup_test::ring_scene;

constexpr auto nothing = [](const io_uring_cqe&) {};
constexpr auto long_enough = 20s;

/// A kernel that takes no IORING_REGISTER_SYNC_CANCEL, with this errno.
struct no_cancel_kernel : gup::system_kernel {
    static inline int refused_with = 0;
    static inline int calls = 0;
    static int io_uring_register(int fd, unsigned opcode, const void* argument, unsigned count) noexcept {
        if (opcode == IORING_REGISTER_SYNC_CANCEL && refused_with != 0) return ++calls, -refused_with;
        return system_kernel::io_uring_register(fd, opcode, argument, count);
    }
};

/// Flags of all kinds of rings; of later kernels' also those.
const std::array<unsigned, 4> kinds{0, IORING_SETUP_SQPOLL, IORING_SETUP_SINGLE_ISSUER,
                                    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};

template <class Scene>
std::size_t free_pages(const Scene& s) {
    return s.p->stats().free;
}

} // namespace

TEST_CASE("Everything on a ring of any kind is ended, and every page comes back") {
    const unsigned flags = GENERATE(from_range(kinds.begin(), kinds.end()));
    CAPTURE(flags);
    const gup_test::pins_before pins;
    const gup_test::socket_pair one = gup_test::local_pair(), two = gup_test::local_pair(),
                                three = gup_test::local_pair();
    {
        ring_scene s(8, flags);
        if (!s.ok()) return;
        const gup_test::scratch_file file;
        for (std::uint64_t i = 0; i < 4; ++i)
            gup::prep_write_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p),
                                  i * ring_scene::page_bytes);
        gup::prep_read_fixed(s.r.entry(), one.to.fd(), gup::get_user_page(*s.p), 0);
        auto token =
            gup::prep_read_fixed(s.r.entry(), two.to.fd(), gup::get_user_page(*s.p), 0, {.user_data = 7});
        io_uring_sqe& poll = s.r.entry();
        io_uring_prep_poll_multishot(&poll, three.to.fd(), POLLIN);
        poll.user_data = 8;
        gup::submit(*s.d, s.r.handle());
        gup::prep_read_fixed(s.r.entry(), three.to.fd(), gup::get_user_page(*s.p), 0); // is not submitted

        std::multiset<std::uint64_t> seen;
        const gup::ring_remainder left = gup::end_ring(
            *s.d, s.r.handle(),
            [&](const io_uring_cqe& cqe) {
                seen.insert(gup::owns(*s.d, cqe) ? 0 : cqe.user_data);
                if (cqe.user_data == 7) gup::put_user_page(gup::complete(token, cqe), gup::clean);
            },
            long_enough);
        CHECK_FALSE(left);
        CHECK(left.operations == 0);
        CHECK(seen == std::multiset<std::uint64_t>{0, 0, 0, 0, 0, 0, 7, 8});
        CHECK(free_pages(s) == 8);
        CHECK(s.r.silent());
    }
    CHECK(pins.gone());
}

TEST_CASE("A ring whose completions are polled for is ended") {
    ring_scene s(8, IORING_SETUP_IOPOLL);
    if (!s.ok()) return;
    const gup_test::descriptor direct = gup_test::scratch_file::direct();
    const gup_test::scratch_file buffered; // refused by the kernel
    const int fd = direct.ok() ? direct.fd() : buffered.fd();
    for (std::uint64_t i = 0; i < 4; ++i)
        gup::prep_write_fixed(s.r.entry(), fd, gup::get_user_page(*s.p), i * ring_scene::page_bytes);
    CHECK_FALSE(gup::end_ring(*s.d, s.r.handle(), nothing, long_enough));
    CHECK(free_pages(s) == 8);
}

TEST_CASE("The program may complete what ends, and what it leaves is put as dirty if the device may write") {
    ring_scene s;
    if (!s.ok()) return;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    const int request = 5;
    gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0, {.cookie = &request});
    ring_scene::ref kept;
    const int* cookie = nullptr;
    CHECK_FALSE(gup::end_ring(
        *s.d, s.r.handle(), [&](const io_uring_cqe& cqe) { kept = gup::complete(*s.d, cqe, cookie); },
        long_enough));
    CHECK(cookie == &request);
    CHECK(kept);
    CHECK(free_pages(s) == 7);
    gup::put_user_page(std::move(kept), gup::clean);
}

TEST_CASE("What does not end in time is told, and ends the next time") {
    using scene = basic_ring_scene<no_cancel_kernel>;
    scene s;
    if (!s.ok()) return;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0);
    gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0);

    no_cancel_kernel::refused_with = ENOENT; // as if there was nothing to cancel
    gup::ring_remainder left = gup::end_ring(*s.d, s.r.handle(), nothing, 0ns);
    CHECK(left);
    CHECK(left.operations == 2);
    CHECK(left.others);
    CHECK(gup::end_ring(*s.d, s.r.handle(), nothing, 5ms).operations == 2);
    no_cancel_kernel::refused_with = 0;
    std::size_t completions = 0;
    left = gup::end_ring(
        *s.d, s.r.handle(), [&](const io_uring_cqe&) { ++completions; }, long_enough);
    CHECK_FALSE(left);
    CHECK(completions == 2); // not the barriers of the endings before
    CHECK(free_pages(s) == 8);
}

TEST_CASE("Without the registering call, before Linux 6.0, an entry cancels") {
    using scene = basic_ring_scene<no_cancel_kernel>;
    scene s;
    if (!s.ok()) return;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0);
    no_cancel_kernel::refused_with = EINVAL;
    no_cancel_kernel::calls = 0;
    CHECK_FALSE(gup::end_ring(*s.d, s.r.handle(), nothing, long_enough));
    CHECK(no_cancel_kernel::calls == 1);
    no_cancel_kernel::refused_with = EBADFD; // any other errno
    std::error_code error;
    CHECK(gup::end_ring(*s.d, s.r.handle(), nothing, 1s, error).others);
    CHECK(error.value() == EBADFD);
    no_cancel_kernel::refused_with = 0;
    CHECK(free_pages(s) == 8);
}

TEST_CASE("More completions than the queue holds are no hindrance") {
    ring_scene s(32);
    if (!s.ok()) return;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    std::size_t polls = 0;
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 16; ++i, ++polls) {
            io_uring_sqe& sqe = s.r.entry();
            io_uring_prep_poll_add(&sqe, sockets.to.fd(), POLLIN);
            sqe.user_data = 9;
        }
        gup::submit(*s.d, s.r.handle());
    }
    for (int i = 0; i < 16; ++i)
        gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0);
    std::size_t seen = 0;
    CHECK_FALSE(gup::end_ring(
        *s.d, s.r.handle(), [&](const io_uring_cqe& cqe) { seen += cqe.user_data == 9; }, long_enough));
    CHECK(seen == polls);
    CHECK(free_pages(s) == 32);
}

TEST_CASE("What the program's function throws ends nothing halfway") {
    ring_scene s;
    if (!s.ok()) return;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    for (int i = 0; i < 3; ++i)
        gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0);
    const auto throws = [](const io_uring_cqe&) { throw std::runtime_error("no"); };
    CHECK_THROWS_AS(gup::end_ring(*s.d, s.r.handle(), throws, long_enough), std::runtime_error);
    CHECK(free_pages(s) == 6);
    CHECK_FALSE(gup::end_ring(*s.d, s.r.handle(), nothing, long_enough));
    CHECK(free_pages(s) == 8);
}

TEST_CASE("What the program's function prepares anew is ended, too") {
    ring_scene s;
    if (!s.ok()) return;
    const gup_test::socket_pair one = gup_test::local_pair(), other = gup_test::local_pair();
    const auto poll = [&](const gup_test::socket_pair& sockets, std::uint64_t number) {
        io_uring_sqe& sqe = s.r.entry();
        io_uring_prep_poll_add(&sqe, sockets.to.fd(), POLLIN);
        sqe.user_data = number;
    };
    poll(one, 1);
    int again = 5; // as a server does that listens on
    int ended = 0;
    CHECK_FALSE(gup::end_ring(
        *s.d, s.r.handle(),
        [&](const io_uring_cqe& cqe) {
            if (cqe.user_data != 1) return;
            ++ended;
            if (again-- > 0) poll(one, 1);
        },
        long_enough));
    CHECK(ended == 6);
    CHECK(s.r.silent());

    const auto for_ever = [&](const io_uring_cqe& cqe) {
        if (cqe.user_data == 2) poll(other, 2);
    };
    poll(other, 2);
    CHECK(gup::end_ring(*s.d, s.r.handle(), for_ever, 20ms).others);
    CHECK_FALSE(gup::end_ring(*s.d, s.r.handle(), nothing, long_enough));
}

TEST_CASE("A zero-copy send is over with its notification") {
    ring_scene s;
    if (!s.ok()) return;
    const gup_test::socket_pair sockets = gup_test::loopback_pair(SOCK_STREAM);
    gup::prep_send_zc_fixed(s.r.entry(), sockets.from.fd(), gup::get_user_page(*s.p), 0);
    // Linux before 6.16 may take its second completion for that of another operation: then nothing drains
    CHECK(gup_test::eventually(
        [&] { return gup::end_ring(*s.d, s.r.handle(), nothing, 100ms).operations == 0; }));
    CHECK(free_pages(s) == 8);
}

TEST_CASE("A ring that cannot be ended here is refused before anything changes") {
    ring_scene s;
    if (!s.ok()) return;
    gup_test::ring foreign;
    CHECK_THROWS_WITH(gup::end_ring(*s.d, foreign.handle(), nothing, 1s),
                      Catch::Contains("ending a ring") && Catch::Contains("is not of this domain"));

    const gup_test::socket_pair sockets = gup_test::local_pair();
    io_uring_sqe& sqe = s.r.entry();
    gup::prep_read_fixed(sqe, sockets.to.fd(), gup::get_user_page(*s.p), 0);
    sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
    CHECK_THROWS_WITH(gup::end_ring(*s.d, s.r.handle(), nothing, 1s),
                      Catch::Contains("IOSQE_CQE_SKIP_SUCCESS"));
    sqe.flags = 0;
    CHECK(gup_test::in_child([&] {
              std::error_code error;
              gup::end_ring(*s.d, s.r.handle(), nothing, 1s, error);
              return error.value();
          }).exited_with(EPERM));
    CHECK_FALSE(gup::end_ring(*s.d, s.r.handle(), nothing, long_enough));
}

TEST_CASE("A ring that only one thread may use is ended by that thread") {
    ring_scene s(8, IORING_SETUP_SINGLE_ISSUER);
    if (!s.ok()) return;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0);
    gup::submit(*s.d, s.r.handle());
    std::error_code error;
    std::thread([&] { gup::end_ring(*s.d, s.r.handle(), nothing, 1s, error); }).join();
    CHECK(error.value() == EEXIST);
    CHECK_FALSE(gup::end_ring(*s.d, s.r.handle(), nothing, long_enough, error));
    CHECK_FALSE(error);
}

TEST_CASE("After a silent entry nobody can tell whether others are left") {
    ring_scene s;
    if (!s.ok()) return;
    io_uring_sqe& silent = s.r.entry();
    io_uring_prep_nop(&silent);
    silent.flags = IOSQE_CQE_SKIP_SUCCESS;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), gup::get_user_page(*s.p), 0, {.part = {0, 16}});
    const gup::ring_remainder left = gup::end_ring(*s.d, s.r.handle(), nothing, long_enough);
    CHECK(left.operations == 0);
    CHECK(left.others);
    CHECK(free_pages(s) == 8);
}
