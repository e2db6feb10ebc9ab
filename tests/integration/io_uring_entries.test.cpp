// SPDX-License-Identifier: BSL-1.0
// Entries that liburing hands out again still carry what they were last: that must not touch an operation in
// flight.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/ticking_clock.hpp"

#include <array>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace {

using gup_test::ring;
using domain = gup::io_uring_domain<>;

/// A read that waits for data, on a ring of four entries.
struct waiting_read {
    waiting_read() {
        REQUIRE(::pipe(ends.data()) == 0);
        io_uring_sqe& entry = r.entry();
        gup::prep_read_fixed(entry, ends[0], gup::get_user_page(pool), 0);
        CHECK(gup::submit(d, r.handle()) == 1);
    }
    waiting_read(const waiting_read&) = delete;
    waiting_read& operator=(const waiting_read&) = delete;
    ~waiting_read() {
        for (const int end : ends) ::close(end);
    }
    /// The entry of the read, handed out for the second time.
    io_uring_sqe& same_entry_again() {
        for (int i = 0; i < 3; ++i) {
            io_uring_sqe& other = r.entry();
            io_uring_prep_nop(&other);
            other.user_data = 1;
        }
        CHECK(gup::submit(d, r.handle()) == 3);
        for (int i = 0; i < 3; ++i) CHECK(r.wait().user_data == 1);
        return r.entry();
    }
    /// Lets the read end; its completion gives the page back.
    void end() {
        CHECK(::write(ends[1], "data", 4) == 4);
        const auto done = r.wait();
        auto page = gup::complete(d, done);
        CHECK(std::memcmp(page.bytes().data(), "data", 4) == 0);
        gup::put_user_page(std::move(page), gup::clean);
        CHECK(pool.stats().free == 4);
    }

    ring r{0, 4};
    domain d{r.handle()};
    gup::page_pool<domain> pool{d, {.pages = 4}};
    std::array<int, 2> ends{};
};

} // namespace

TEST_CASE("an entry handed out again does not take back the operation it was before") {
    waiting_read read;

    io_uring_sqe& entry = read.same_entry_again();

    CHECK_THROWS_AS(static_cast<void>(gup::take_back(read.d, entry)), gup::pin_error);
    CHECK(read.pool.stats().in_flight == 1);
    io_uring_prep_nop(&entry);
    entry.user_data = 2;
    CHECK(gup::submit(read.d, read.r.handle()) == 1);
    CHECK(read.r.wait().user_data == 2);
    read.end();
}

TEST_CASE("an operation of the program's that sets no user_data does not complete one of ours") {
    waiting_read read;

    io_uring_prep_nop(&read.same_entry_again());
    CHECK(gup::submit(read.d, read.r.handle()) == 1);
    const auto foreign = read.r.wait();

    CHECK_FALSE(gup::owns(read.d, foreign));
    CHECK_FALSE(gup::try_complete(read.d, foreign).has_value());
    read.end();
}

TEST_CASE("submitting can wait for a completion") {
    ring r;
    domain d(r.handle());
    io_uring_prep_nop(&r.entry());

    CHECK(gup::submit_and_wait(d, r.handle(), 1) == 1);

    CHECK(io_uring_cq_ready(&r.handle()) == 1);
}

TEST_CASE("a signal that ends the wait is reported, whatever was submitted and has completed") {
    waiting_read read;
    const auto wait_for = [&](unsigned completions) {
        const gup_test::ticking_clock clock;
        std::error_code error;
        const int submitted = gup::submit_and_wait(read.d, read.r.handle(), completions, error);
        return std::pair(submitted, error == std::errc::interrupted);
    };
    const std::pair nothing_and_interrupted(0, true);
    const std::pair one_and_interrupted(1, true);
    CHECK(wait_for(1) == nothing_and_interrupted);
    io_uring_sqe& waiting = read.r.entry();
    io_uring_prep_poll_add(&waiting, read.ends[1], POLLIN);
    CHECK(wait_for(1) == one_and_interrupted);
    io_uring_sqe& done = read.r.entry();
    io_uring_prep_nop(&done);
    done.user_data = 2;
    CHECK(wait_for(2) == one_and_interrupted);
    CHECK(wait_for(2) == nothing_and_interrupted);
    CHECK(wait_for(1) == std::pair(0, false));
    CHECK(read.r.wait().user_data == 2);
    read.end();
}

TEST_CASE("the user_data of no-ops is refused for a token") {
    ring r;
    domain d(r.handle());
    gup::page_pool pool(d, {.pages = 1});
    auto page = gup::get_user_page(pool);
    std::error_code error;

    const auto token =
        gup::prep_read_fixed(r.entry(), 0, std::move(page), 0, {.user_data = ~std::uint64_t{0}}, error);

    CHECK(error == std::errc::invalid_argument);
    CHECK_FALSE(token);
    CHECK(page);
}
