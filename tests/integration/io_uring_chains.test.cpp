// SPDX-License-Identifier: BSL-1.0
// Cancelled, linked and taken back operations on the real kernel: every page comes back, once.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ring_scene.hpp"
#include "gup_test/sockets.hpp"

#include <cerrno>
#include <map>
#include <utility>

namespace {

using gup_test::completion;
using gup_test::local_pair;
using gup_test::pattern;
using gup_test::ring_scene;
using gup_test::scratch_file;

constexpr unsigned silent = IOSQE_CQE_SKIP_SUCCESS;

/// Prepares a read of `fd`, with these flags; its entry.
io_uring_sqe& read_of(ring_scene& s, int fd, unsigned flags = 0) {
    io_uring_sqe& entry = s.r.entry();
    gup::prep_read_fixed(entry, fd, gup::get_user_page(*s.p), 0);
    entry.flags = static_cast<std::uint8_t>(flags);
    return entry;
}

/// The results of the next `count` completions of the domain by user_data, each of which gives a page back.
std::map<std::uint64_t, int> reap(ring_scene& s, int count) {
    std::map<std::uint64_t, int> results;
    for (int i = 0; i < count; ++i) {
        const completion done = s.r.wait();
        results[done.user_data] = done.res;
        gup::put_user_page(gup::complete(*s.d, done), gup::clean);
    }
    CHECK(s.p->stats().in_flight == 0);
    CHECK(s.p->stats().pinned == 0);
    return results;
}

} // namespace

TEST_CASE("a cancelled operation gives its page back") {
    ring_scene s;
    if (!s.ok()) return;
    const auto pipe = local_pair();
    const std::uint64_t waiting = read_of(s, pipe.to.fd()).user_data;
    REQUIRE(s.r.submit() == 1);
    CHECK(s.p->stats().in_flight == 1);

    io_uring_sqe& cancel = s.r.entry();
    io_uring_prep_cancel64(&cancel, waiting, 0);
    cancel.user_data = 1;
    REQUIRE(s.r.submit() == 1);
    completion done = s.r.wait();
    if (done.user_data == 1) done = s.r.wait(); // either may come first
    CHECK(done.res == -ECANCELED);
    gup::put_user_page(gup::complete(*s.d, done), gup::clean);
    CHECK(s.p->stats().pinned == 0);
}

TEST_CASE("a cancelled operation with a token gives its page back") {
    ring_scene s;
    if (!s.ok()) return;
    const auto pipe = local_pair();
    auto token =
        gup::prep_read_fixed(s.r.entry(), pipe.to.fd(), gup::get_user_page(*s.p), 0, {.user_data = 21});
    io_uring_prep_cancel64(&s.r.entry(), 21, 0);
    REQUIRE(s.r.submit() == 2);
    for (int i = 0; i < 2; ++i) {
        const completion done = s.r.wait();
        if (done.user_data == 21) CHECK(done.res == -ECANCELED);
        CHECK(gup::try_complete(token, done).has_value() == (done.user_data == 21));
    }
}

TEST_CASE("when the head of a chain fails all pages of the chain come back") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(4096));
    const std::uint64_t head = read_of(s, -1, IOSQE_IO_LINK).user_data;
    const std::uint64_t middle = read_of(s, file.fd(), IOSQE_IO_LINK).user_data;
    const std::uint64_t last = read_of(s, file.fd()).user_data;
    CHECK(gup::submit(*s.d, s.r.handle()) == 3);
    CHECK(reap(s, 3) ==
          std::map<std::uint64_t, int>{{head, -EBADF}, {middle, -ECANCELED}, {last, -ECANCELED}});
}

TEST_CASE("a short read breaks its chain, and all pages come back") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(100));
    const std::uint64_t head = read_of(s, file.fd(), IOSQE_IO_LINK).user_data;
    const std::uint64_t last = read_of(s, file.fd()).user_data;
    CHECK(gup::submit(*s.d, s.r.handle()) == 2);
    CHECK(reap(s, 2) == std::map<std::uint64_t, int>{{head, 100}, {last, -ECANCELED}});
}

TEST_CASE("an operation that is taken back is not carried out and completes silently") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file;
    io_uring_sqe& entry = s.r.entry();
    gup::prep_write_fixed(entry, file.fd(), s.filled(pattern(100)), 0);
    io_uring_sqe& with_token = s.r.entry();
    auto token = gup::prep_write_fixed(with_token, file.fd(), s.filled(pattern(100)), 0, {.user_data = 5});
    gup::put_user_page(gup::take_back(*s.d, entry), gup::clean);
    gup::put_user_page(gup::take_back(std::move(token), with_token), gup::clean);
    CHECK(s.p->stats().pinned == 0);
    CHECK(gup::submit(*s.d, s.r.handle()) == 2);
    CHECK(s.r.silent());
    CHECK(file.size() == 0);
}

TEST_CASE("an operation whose entry the kernel took is not taken back") {
    ring_scene s;
    if (!s.ok()) return;
    const auto pipe = local_pair();
    io_uring_sqe& entry = read_of(s, pipe.to.fd());
    REQUIRE(s.r.submit() == 1);
    CHECK_THROWS_AS(gup::take_back(*s.d, entry), gup::pin_error);
    CHECK(::write(pipe.from.fd(), "x", 1) == 1);
    CHECK(reap(s, 1).begin()->second == 1);
}

TEST_CASE("a polling kernel thread is assumed to take what is flushed") {
    ring_scene s(8, IORING_SETUP_SQPOLL);
    if (!s.ok()) return;
    const auto pipe = local_pair();
    io_uring_sqe& entry = read_of(s, pipe.to.fd());
    CHECK(gup::take_back(*s.d, entry));
    io_uring_sqe& flushed = read_of(s, pipe.to.fd());
    CHECK(gup::submit(*s.d, s.r.handle()) >= 0);
    CHECK_THROWS_AS(gup::take_back(*s.d, flushed), gup::pin_error);
    CHECK(::write(pipe.from.fd(), "x", 1) == 1);
    CHECK(reap(s, 1).begin()->second == 1);
}

TEST_CASE("the rest of a chain is carried out in order when its head or middle is taken back") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    for (const std::size_t taken : {0U, 1U, 2U}) {
        std::array entries{&read_of(s, file.fd(), IOSQE_IO_LINK), &read_of(s, file.fd(), IOSQE_IO_LINK),
                           &read_of(s, file.fd())};
        gup::put_user_page(gup::take_back(*s.d, *entries[taken]), gup::clean);
        CHECK(gup::submit(*s.d, s.r.handle()) == 3);
        for (const auto& [user_data, result] : reap(s, 2)) CHECK(result == 8192);
        CHECK(s.r.silent());
    }
}

TEST_CASE("a chain that fails before its taken back middle cancels what comes after it") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    const std::uint64_t head = read_of(s, -1, IOSQE_IO_LINK).user_data;
    io_uring_sqe& middle = read_of(s, file.fd(), IOSQE_IO_LINK);
    const std::uint64_t last = read_of(s, file.fd()).user_data;
    gup::put_user_page(gup::take_back(*s.d, middle), gup::clean);
    CHECK(gup::submit(*s.d, s.r.handle()) == 3);
    CHECK(reap(s, 2) == std::map<std::uint64_t, int>{{head, -EBADF}, {last, -ECANCELED}});
    CHECK(s.r.silent());
}

TEST_CASE("a chain whose head is taken back completes even if a later entry is invalid") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    io_uring_sqe& head = read_of(s, file.fd(), IOSQE_IO_LINK);
    const std::uint64_t middle = read_of(s, file.fd(), IOSQE_IO_LINK).user_data;
    io_uring_sqe& invalid = read_of(s, file.fd());
    invalid.opcode = 250;
    const std::uint64_t last = invalid.user_data;
    gup::put_user_page(gup::take_back(*s.d, head), gup::clean);
    CHECK(gup::submit(*s.d, s.r.handle()) == 3);
    CHECK(reap(s, 2) == std::map<std::uint64_t, int>{{middle, -ECANCELED}, {last, -EINVAL}});
}

TEST_CASE("nothing is submitted while an operation would complete unseen") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    const std::uint64_t first = read_of(s, file.fd()).user_data;
    io_uring_sqe& unseen = read_of(s, file.fd(), silent);
    const std::uint64_t second = unseen.user_data;
    std::error_code error;
    CHECK(gup::submit(*s.d, s.r.handle(), error) == 0);
    CHECK(error == std::errc::invalid_argument);
    CHECK_THROWS_AS(gup::submit(*s.d, s.r.handle()), gup::pin_error);
    CHECK(gup_test::contains(gup_test::what_of([&] { gup::submit(*s.d, s.r.handle()); }), "clear the flag"));

    unseen.flags = 0;
    CHECK(gup::submit(*s.d, s.r.handle(), error) == 2);
    CHECK_FALSE(error);
    CHECK(reap(s, 2) == std::map<std::uint64_t, int>{{first, 8192}, {second, 8192}});
}

TEST_CASE("nothing is submitted while a token would not see its completion, pinned or not") {
    for (const gup::io_uring_options options : {gup::io_uring_options{.slots = 1}, {.slots = 2}}) {
        gup_test::ring r;
        if (!gup_test::have(r.ok(), r.why_not())) return;
        const scratch_file file(pattern(4096));
        gup::io_uring_domain<> domain(r.handle(), options);
        const gup::page_pool first(domain, {.pages = 1});
        gup::page_pool pool(domain, {.pages = 1, .fallback = gup::pin_fallback::unpinned});
        CHECK(pool.registered() == (options.slots == 2));
        io_uring_sqe& unseen = r.entry();
        auto token = gup::prep_read_fixed(unseen, file.fd(), gup::get_user_page(pool), 0, {.user_data = 5});
        unseen.flags = silent;
        std::error_code error;
        CHECK(gup::submit(domain, r.handle(), error) == 0);
        CHECK(error == std::errc::invalid_argument);

        unseen.flags = 0;
        CHECK(gup::submit(domain, r.handle(), error) == 1);
        CHECK_FALSE(error);
        const auto page = gup::complete(std::move(token), r.wait());
        CHECK(gup_test::same(page.bytes(), pattern(4096)));
    }
}

TEST_CASE("a silent entry of the program before a page in its chain is refused, because the kernel drops "
          "completions") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    io_uring_sqe& head = s.r.entry();
    io_uring_prep_read(&head, -1, nullptr, 1, 0);
    head.flags = silent | IOSQE_IO_LINK;
    const std::uint64_t second = read_of(s, file.fd()).user_data;
    CHECK_THROWS_AS(gup::submit(*s.d, s.r.handle()), gup::pin_error);
    head.flags = IOSQE_IO_LINK;
    head.user_data = 3;
    CHECK(gup::submit(*s.d, s.r.handle()) == 2);
    CHECK(s.r.wait().res == -EBADF);
    CHECK(reap(s, 1) == std::map<std::uint64_t, int>{{second, -ECANCELED}});
}

TEST_CASE("a submission that the kernel refuses says so") {
    ring_scene s;
    if (!s.ok()) return;
    io_uring_sqe& entry = read_of(s, -1);
    io_uring closed = s.r.handle();
    closed.enter_ring_fd = -1;
    std::error_code error;
    CHECK(gup::submit(*s.d, closed, error) == 0);
    CHECK(error.value() == EBADF);
    CHECK_THROWS_AS(gup::submit(*s.d, closed), gup::pin_error);
    gup::put_user_page(gup::take_back(*s.d, entry), gup::clean);
}

TEST_CASE("an entry whose operation was refused does nothing when it is submitted") {
    ring_scene s(1);
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    for (unsigned i = 0; i < 16; ++i) { // every entry of the ring holds a read of the page
        read_of(s, file.fd());
        REQUIRE(s.r.submit() == 1);
        reap(s, 1);
    }
    auto page = s.filled(pattern(8192, 2));
    std::error_code error;
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(page), 0, {.part = {.length = 0}}, error);
    CHECK(error);
    CHECK(gup::submit(*s.d, s.r.handle()) == 1);
    CHECK(s.r.silent());
    CHECK(gup_test::same(page.bytes(), pattern(8192, 2)));
}
