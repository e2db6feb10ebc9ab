// SPDX-License-Identifier: BSL-1.0
// Tracked references in operations on the real kernel, and tracked memory that is locked.
#include "gup/tracked.hpp"

#include "gup/domain/io_uring.hpp"
#include "gup/domain/mlock.hpp"

#include "gup_test/ring_scene.hpp"
#include "gup_test/tracked.hpp"

#include <optional>
#include <utility>

using gup_test::pattern;
using gup_test::same;
using gup_test::scratch_file;

namespace {

constexpr std::size_t page_bytes = gup_test::ring_scene::page_bytes;
using domain = gup::tracked<gup::io_uring_domain<>>;

/// A ring and a tracked pool of it.
struct tracked_scene {
    tracked_scene() {
        if (!gup_test::have(r.ok(), r.why_not())) return;
        d.emplace(r.handle());
        p.emplace(*d, gup::pool_options{.page_size = page_bytes, .pages = 2});
    }
    bool ok() const { return p.has_value(); }

    gup_test::ring r;
    std::optional<domain> d;
    std::optional<gup::page_pool<domain>> p;
};

} // namespace

TEST_CASE("what a device reads into a tracked page is seen through its view") {
    tracked_scene s;
    if (!s.ok()) return;
    const auto content = pattern(page_bytes);
    const scratch_file file(content);

    gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p), 0);
    const unsigned line = __LINE__ - 1;
    CHECK(s.p->stats().in_flight == 1);
    REQUIRE(gup::outstanding_references(*s.p).size() == 1);
    CHECK(gup::outstanding_references(*s.p)[0].got.line == line);
    auto back = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(same(back.bytes(), content));
    CHECK(gup::page_dirty(back));

    auto token = gup::prep_write_fixed(s.r.entry(), file.fd(), std::move(back), page_bytes, {.user_data = 7});
    auto given = gup::complete(std::move(token), s.r.submit_and_wait());
    CHECK(same(file.content(page_bytes, page_bytes), content));
    CHECK(gup::outstanding_references(*s.p)[0].got.line == line);
    gup::put_user_page(std::move(given), gup::clean);
    CHECK(gup::outstanding_references(*s.p).empty());
    CHECK(s.p->stats().in_flight == 0);
    CHECK(s.p->stats().free == 2);
}

TEST_CASE("a tracked operation that is taken back gives its reference back") {
    tracked_scene s;
    if (!s.ok()) return;
    const scratch_file file;
    io_uring_sqe& sqe = s.r.entry();
    gup::prep_write_fixed(sqe, file.fd(), gup::get_user_page(*s.p), 0);

    auto back = gup::take_back(*s.d, sqe);

    CHECK(gup::outstanding_references(*s.p).size() == 1);
    gup::put_user_page(std::move(back), gup::clean);
    CHECK(gup::outstanding_references(*s.p).empty());
}

TEST_CASE("a completed page that is used after its put faults") {
    const auto child = gup_test::in_faulting_child([] {
        tracked_scene s;
        if (!s.ok()) ::_exit(0);
        const scratch_file file(pattern(page_bytes));
        gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p), 0);
        auto back = gup::complete(*s.d, s.r.submit_and_wait());
        const auto view = back.bytes();
        gup::put_user_page(std::move(back), gup::clean);
        gup_test::read(view[1]);
    });
    if (child.exited_with(0)) return; // without a ring
    CHECK(child.said_that("byte 1 of page 0"));
    CHECK(child.said_that("integration/tracked.test.cpp:"));
}

TEST_CASE("tracked memory is locked as other memory is") {
    gup::pin_failure failure;
    auto pool = gup::page_pool<gup::tracked<gup::mlock_domain>>::try_make(gup::tracked{gup::mlock_domain{}},
                                                                          {.pages = 2}, failure);
    if (!gup_test::have(pool.has_value(), failure.message())) return;
    CHECK(pool->stats().bytes_registered == 8192);
    auto page = gup::get_user_page(*pool);
    page.bytes()[0] = std::byte{1};
    gup::put_user_page(std::move(page), gup::dirty);
}
