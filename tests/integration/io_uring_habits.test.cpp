// SPDX-License-Identifier: BSL-1.0
// What users of liburing are used to, on the real kernel: it works, or gup says what to do instead, and no
// page is lost.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ring_scene.hpp"
#include "gup_test/sockets.hpp"
#include "gup_test/ticking_clock.hpp"

#include <cerrno>
#include <cstdint>
#include <set>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using gup_test::completion;
using gup_test::contains;
using gup_test::pattern;
using gup_test::ring_scene;
using gup_test::scratch_file;
using gup_test::what_of;

/// A file and entries that read it.
struct scene : ring_scene {
    using ring_scene::ring_scene;
    io_uring_sqe& read(unsigned flags = 0) {
        io_uring_sqe& entry = r.entry();
        gup::prep_read_fixed(entry, file.fd(), gup::get_user_page(*p), 0);
        entry.flags = static_cast<std::uint8_t>(flags);
        return entry;
    }
    /// The operation of this entry is refused; its page stays with the caller, who puts it.
    void refused(io_uring_sqe& entry) {
        std::error_code error;
        auto page = gup::get_user_page(*p);
        gup::prep_read_fixed(entry, file.fd(), std::move(page), 0, {.part = {.length = 0}}, error);
        CHECK(error);
        gup::put_user_page(std::move(page), gup::clean);
    }
    void taken_back(io_uring_sqe& entry) { gup::put_user_page(gup::take_back(*d, entry), gup::clean); }
    int submit() { return gup::submit(*d, r.handle()); }
    std::string why_not_submitted() {
        return what_of([&] { submit(); });
    }
    /// The next `count` completions, each of a read, give pages back, and then there is no other.
    void reap(int count) {
        for (int i = 0; i < count; ++i) {
            const completion done = r.wait();
            CHECK(done.res == 4096);
            gup::put_user_page(gup::complete(*d, done), gup::dirty);
        }
        CHECK(r.silent());
        CHECK(p->stats().in_flight == 0);
        CHECK(p->stats().pinned == 0);
    }
    /// True if a barrier (IOSQE_IO_DRAIN) works on the ring.
    bool drains() {
        io_uring_sqe& barrier = r.entry();
        io_uring_prep_fsync(&barrier, file.fd(), 0);
        barrier.flags = IOSQE_IO_DRAIN;
        barrier.user_data = 1;
        submit();
        const completion done = r.wait();
        CHECK(done.user_data == 1);
        return done.res == 0;
    }

    scratch_file file{pattern(4096)};
};

} // namespace

TEST_CASE("user_data set after an operation was prepared is refused and put back") {
    scene s;
    if (!s.ok()) return;
    int request = 0;
    io_uring_sqe& entry = s.read();
    io_uring_sqe_set_data(&entry, &request);
    CHECK(contains(s.why_not_submitted(), "io_uring_sqe_set_data"));
    CHECK(s.submit() == 1);
    s.reap(1);

    io_uring_sqe& another = s.read();
    io_uring_sqe_set_data64(&another, 7);
    std::error_code error;
    CHECK(gup::submit(*s.d, s.r.handle(), error) == 0);
    CHECK(error == std::errc::invalid_argument);
    s.taken_back(another);
    CHECK(s.submit() == 1);
    s.reap(0);
}

TEST_CASE("user_data of a token that was set after the operation was prepared is refused") {
    scene s;
    if (!s.ok()) return;
    io_uring_sqe& entry = s.r.entry();
    auto token = gup::prep_read_fixed(entry, s.file.fd(), gup::get_user_page(*s.p), 0, {.user_data = 5});
    io_uring_sqe_set_data(&entry, &token);
    CHECK(contains(s.why_not_submitted(), "io_uring_sqe_set_data64(sqe, token.user_data())"));
    io_uring_sqe_set_data64(&entry, token.user_data());
    CHECK(s.submit() == 1);
    const auto page = gup::complete(token, s.r.wait());
    CHECK(gup_test::same(page.bytes().first(4096), pattern(4096)));
}

TEST_CASE("an entry that is prepared twice loses no page") {
    scene s;
    if (!s.ok()) return;
    io_uring_sqe& entry = s.read();
    gup::prep_read_fixed(entry, s.file.fd(), gup::get_user_page(*s.p), 0);
    CHECK(contains(s.why_not_submitted(), "io_uring_get_sqe"));
    CHECK(s.p->stats().in_flight == 1);
    CHECK(s.submit() == 1);
    s.reap(1);
}

TEST_CASE("operations that the program submits by itself are not missed") {
    scene s;
    if (!s.ok()) return;
    s.read();
    CHECK(s.r.submit() == 1);
    s.read();
    CHECK(s.submit() == 1);
    s.read();
    CHECK(s.r.submit() == 1);
    s.reap(3);
}

TEST_CASE("the program may give a page that it has pinned to liburing while an operation has it, too") {
    scene s;
    if (!s.ok()) return;
    const auto pipe = gup_test::local_pair();
    const auto page = s.filled(pattern(4096));
    gup::prep_write_fixed(s.r.entry(), pipe.from.fd(), gup::ref_user_page(page), 0);
    CHECK(s.submit() == 1);
    io_uring_sqe& own = s.r.entry();
    io_uring_prep_write(&own, pipe.from.fd(), page.bytes().data(), 4096, 0);
    own.user_data = 3;
    CHECK(s.submit() == 1);
    std::set<bool> ours;
    for (int i = 0; i < 2; ++i) ours.insert(gup::try_complete(*s.d, s.r.wait()).has_value());
    CHECK(ours == std::set<bool>{false, true});
}

TEST_CASE("the user_data of an operation in flight is refused in another entry") {
    for (const unsigned flags : {0U, unsigned{IORING_SETUP_SQPOLL}}) {
        scene s(8, flags);
        if (!s.ok()) return;
        const auto pipe = gup_test::local_pair();
        io_uring_sqe& entry = s.r.entry();
        gup::prep_read_fixed(entry, pipe.to.fd(), gup::get_user_page(*s.p), 0);
        const std::uint64_t number = entry.user_data;
        CHECK(s.submit() == 1);
        io_uring_sqe& copy = s.r.entry();
        io_uring_prep_nop(&copy);
        copy.user_data = number;
        CHECK(contains(s.why_not_submitted(), "in flight"));
        copy.user_data = 4;
        CHECK(s.submit() >= 0);
        CHECK(s.r.wait().user_data == 4);
        CHECK(::write(pipe.from.fd(), "data", 4) == 4);
        gup::put_user_page(gup::complete(*s.d, s.r.wait()), gup::clean);
    }
}

TEST_CASE("a completion that was not marked as seen says so when it comes again") {
    scene s;
    if (!s.ok()) return;
    s.read();
    auto token =
        gup::prep_read_fixed(s.r.entry(), s.file.fd(), gup::get_user_page(*s.p), 0, {.user_data = 1});
    CHECK(s.submit() == 2);
    completion done = s.r.wait();
    const completion other = s.r.wait();
    if (!gup::owns(*s.d, done)) done = other;
    const completion with_token = gup_test::made_up(1, 4096);
    gup::put_user_page(gup::complete(*s.d, done), gup::clean);
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(*s.d, done)); }), "io_uring_cqe_seen"));
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(token, done)); }), "io_uring_cqe_seen"));
    gup::put_user_page(gup::complete(token, with_token), gup::clean);
    CHECK(
        contains(what_of([&] { static_cast<void>(gup::complete(token, with_token)); }), "io_uring_cqe_seen"));
}

TEST_CASE("a barrier works after an operation was refused or taken back") {
    for (const unsigned flags : {0U, unsigned{IORING_SETUP_SQPOLL},
                                 unsigned{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN}}) {
        scene s(8, flags);
        if (!s.ok()) return;
        s.refused(s.r.entry());
        CHECK(s.submit() >= 0);
        CHECK(s.drains());
        s.taken_back(s.read());
        CHECK(s.drains());
        s.read();
        s.refused(s.r.entry());
        s.read();
        s.taken_back(s.read());
        CHECK(s.submit() >= 0);
        s.reap(2);
        CHECK(s.drains());
        gup_test::ring_scene::ref empty;
        std::error_code error;
        gup::prep_read_fixed(s.r.entry(), s.file.fd(), std::move(empty), 0, {}, error);
        CHECK(error == std::errc::invalid_argument);
        CHECK(s.submit() >= 0);
        CHECK(s.r.silent());
        CHECK(s.drains());
    }
}

TEST_CASE("an entry that does nothing and that the program submits by itself completes as nobody's") {
    scene s;
    if (!s.ok()) return;
    s.refused(s.r.entry());
    CHECK(s.r.submit() == 1);
    const completion done = s.r.wait();
    CHECK(done.res == 0);
    CHECK_FALSE(gup::owns(*s.d, done));
    CHECK(contains(what_of([&] { static_cast<void>(gup::complete(*s.d, done)); }), "refused or taken back"));
    CHECK(s.drains());
}

TEST_CASE("a chain ends where it did when its last entry does nothing") {
    scene s;
    if (!s.ok()) return;
    io_uring_sqe& fails = s.r.entry();
    io_uring_prep_read(&fails, -1, nullptr, 1, 0);
    fails.flags = IOSQE_IO_LINK;
    fails.user_data = 2;
    s.taken_back(s.read());
    s.read();
    CHECK(s.submit() == 3);
    std::vector<int> results;
    for (int i = 0; i < 2; ++i) {
        const completion done = s.r.wait();
        results.push_back(done.res);
        if (auto page = gup::try_complete(*s.d, done)) gup::put_user_page(std::move(*page), gup::dirty);
    }
    CHECK(results == std::vector{-EBADF, 4096});
}

TEST_CASE("entries that the kernel did not come to are where they were, and can be taken back or submitted") {
    for (const bool again : {false, true}) {
        scene s;
        if (!s.ok()) return;
        s.taken_back(s.read());
        io_uring_sqe& invalid = s.r.entry(); // the kernel stops behind it
        io_uring_prep_nop(&invalid);
        invalid.opcode = 250;
        invalid.user_data = 2;
        s.refused(s.r.entry());
        io_uring_sqe& first = s.read(IOSQE_IO_LINK);
        s.taken_back(s.read());
        io_uring_sqe& second = s.r.entry();
        auto token = gup::prep_read_fixed(second, s.file.fd(), gup::get_user_page(*s.p), 0, {.user_data = 3});
        CHECK(s.submit() == 1);
        CHECK(s.r.wait().res == -EINVAL);
        CHECK(first.flags == IOSQE_IO_LINK);
        if (again) {
            CHECK(s.submit() == 5);
            CHECK(gup::complete(*s.d, s.r.wait()));
            CHECK(gup::complete(token, s.r.wait()));
        } else {
            s.taken_back(first);
            CHECK(gup::take_back(token, second));
            CHECK(s.submit() == 5);
        }
        s.reap(0);
        CHECK(s.drains());
    }
}

TEST_CASE("a signal that ends the wait is no error of the submission") {
    scene s;
    if (!s.ok()) return;
    const auto pipe = gup_test::local_pair();
    gup::prep_read_fixed(s.r.entry(), pipe.to.fd(), gup::get_user_page(*s.p), 0);
    {
        const gup_test::ticking_clock clock;
        CHECK(gup::submit_and_wait(*s.d, s.r.handle(), 1) == 1);
        CHECK(gup::submit_and_wait(*s.d, s.r.handle(), 1) == 0);
    }
    CHECK(io_uring_cq_ready(&s.r.handle()) == 0);
    CHECK(::write(pipe.from.fd(), "data", 4) == 4);
    CHECK(gup::submit_and_wait(*s.d, s.r.handle(), 1) == 0);
    CHECK(gup::complete(*s.d, s.r.wait()));
}

TEST_CASE("a ring that polls for completions waits without an error") {
    for (const unsigned flags :
         {unsigned{IORING_SETUP_IOPOLL},
          unsigned{IORING_SETUP_IOPOLL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN}}) {
        scene s(8, flags);
        if (!s.ok()) return;
        const gup_test::descriptor file = scratch_file::direct();
        auto page = s.filled(pattern(4096));
        if (file.ok()) CHECK(::pwrite(file.fd(), page.bytes().data(), 4096, 0) == 4096);
        gup::prep_read_fixed(s.r.entry(), file.ok() ? file.fd() : s.file.fd(), std::move(page), 0);
        std::error_code error;
        while (io_uring_cq_ready(&s.r.handle()) == 0 && !error)
            gup::submit_and_wait(*s.d, s.r.handle(), 1, error);
        CHECK_FALSE(error);
        CHECK(gup::complete(*s.d, s.r.wait())); // whatever this disk makes of it
    }
}

TEST_CASE("a pointer comes back with the page") {
    scene s;
    if (!s.ok()) return;
    const int request = 5;
    gup::prep_read_fixed(s.r.entry(), s.file.fd(), gup::get_user_page(*s.p), 0, {.cookie = &request});
    CHECK(s.submit() == 1);
    const int* found = nullptr;
    CHECK(gup::complete(*s.d, s.r.wait(), found));
    CHECK(found == &request);
    auto token =
        gup::prep_read_fixed(s.r.entry(), s.file.fd(), gup::get_user_page(*s.p), 0, {.user_data = &request});
    CHECK(s.submit() == 1);
    const completion done = s.r.wait();
    CHECK(done.user_data == reinterpret_cast<std::uintptr_t>(&request));
    CHECK(gup::complete(token, done));
}
