// SPDX-License-Identifier: BSL-1.0
// What is looked at before a submission, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/stub_scene.hpp"

#include <array>
#include <utility>

namespace {

using gup_test::made_up;
using gup_test::stub_ring;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using scene = gup_test::queue_scene;

constexpr unsigned silent = IOSQE_CQE_SKIP_SUCCESS;

/// An entry of the program's own.
io_uring_sqe& no_op(scene& s, unsigned flags, std::uint64_t user_data = 0) {
    io_uring_sqe& entry = s.ring.entry();
    io_uring_prep_nop(&entry);
    entry.flags = static_cast<std::uint8_t>(flags);
    entry.user_data = user_data;
    return entry;
}

} // namespace

TEST_CASE("an operation that would complete unseen is found before it is submitted") {
    const auto refused = [](auto prepare) {
        scene s;
        prepare(s);
        const bool found = s.refused();
        for (unsigned at = 0; at < stub_ring::entries; ++at)
            static_cast<void>(gup::try_complete(s.made, made_up(s.ring.handle().sq.sqes[at].user_data)));
        return found;
    };
    const auto raw = [](scene& s, unsigned flags) {
        io_uring_sqe& entry = s.ring.entry();
        io_uring_prep_nop(&entry);
        entry.flags = static_cast<std::uint8_t>(flags);
    };
    constexpr unsigned link = IOSQE_IO_LINK;
    CHECK_FALSE(refused([](scene& s) { s.prepare(link); }));
    CHECK(refused([](scene& s) { s.prepare(silent); }));
    CHECK(refused([](scene& s) {
        s.prepare();
        s.prepare(link | silent);
    }));
    CHECK_FALSE(refused([&](scene& s) { raw(s, silent); }));
    CHECK_FALSE(refused([&](scene& s) {
        raw(s, silent);
        s.prepare();
    }));
    CHECK(refused([&](scene& s) {
        raw(s, silent | link);
        raw(s, link);
        s.prepare();
    }));
    CHECK(refused([&](scene& s) {
        raw(s, silent | IOSQE_IO_HARDLINK);
        s.prepare();
    }));
    CHECK_FALSE(refused([&](scene& s) {
        raw(s, silent | link);
        raw(s, 0);
        s.prepare();
    }));
    CHECK_FALSE(refused([](scene& s) {
        s.prepare(silent);
        s.ring.submit(); // too late
    }));
    CHECK(refused([](scene& s) {
        s.prepare(silent);
        s.ring.flush(); // as by a submission that the kernel refused
    }));
}

TEST_CASE("an operation with the program's user_data is known by its entry, pinned or not") {
    scene s;
    pool unpinned = gup_test::unpinned_pool(s.made);
    for (pool* const pages : {&s.pages, &unpinned}) {
        const auto page = gup::get_user_page(*pages);
        const auto refused = [&](auto prepare) {
            io_uring_sqe& entry = s.ring.entry();
            auto token = prepare(entry);
            entry.flags |= silent;
            const bool found = s.refused();
            static_cast<void>(gup::take_back(std::move(token), entry));
            CHECK_FALSE(s.refused());
            return found;
        };
        CHECK(refused([&](io_uring_sqe& e) {
            return gup::prep_read_fixed(e, 3, gup::ref_user_page(page), 0, {.user_data = 1});
        }));
        CHECK(refused([&](io_uring_sqe& e) {
            return gup::prep_write_fixed(e, 3, gup::ref_user_page(page), 0, {.user_data = 1});
        }));
        CHECK(refused([&](io_uring_sqe& e) {
            return gup::prep_send_zc_fixed(e, 3, gup::ref_user_page(page), 0, {.user_data = 1});
        }));
        s.ring.submit();
    }
}

TEST_CASE("an operation of the program's on a registered buffer may be silent") {
    scene s;
    for (const int slot : {0, 64}) { // of our table, and behind it
        io_uring_sqe& program = s.ring.entry();
        io_uring_prep_read_fixed(&program, 3, nullptr, 1, 0, slot);
        program.user_data = 1;
        program.flags |= silent;
        CHECK_FALSE(s.refused());
    }
}

TEST_CASE("a silent entry before an operation with the program's user_data in its chain is refused") {
    scene s;
    pool unpinned = gup_test::unpinned_pool(s.made);
    io_uring_sqe& head = no_op(s, silent | IOSQE_IO_LINK);
    io_uring_sqe& entry = s.ring.entry();
    auto token = gup::prep_write_fixed(entry, 3, gup::get_user_page(unpinned), 0, {.user_data = 1});
    CHECK(s.refused());
    head.flags = IOSQE_IO_LINK;
    CHECK_FALSE(s.refused());
    CHECK(gup::take_back(std::move(token), entry));
}

TEST_CASE("an entry that had an operation with this user_data may be silent when it is handed out again") {
    scene s;
    const io_uring_sqe* const entry = s.ring.handle().sq.sqes;
    auto token = gup::prep_read_fixed(s.ring.entry(), 3, gup::get_user_page(s.pages), 0, {.user_data = 7});
    s.ring.submit();
    CHECK(gup::try_complete(token, made_up(7)));
    for (unsigned i = 1; i < stub_ring::entries; ++i) no_op(s, 0);
    s.ring.submit();

    REQUIRE(&no_op(s, silent, 7) == entry);

    CHECK_FALSE(s.refused());
}

TEST_CASE("an operation is known where the places in the queue begin anew") {
    scene s;
    s.ring.handle().sq.sqe_tail = ~0U;
    s.ring.submit();
    for (int i = 0; i < 3; ++i) {
        io_uring_sqe& entry = s.ring.entry();
        auto token = gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.user_data = 1});
        entry.flags = silent;
        CHECK(s.refused());
        CHECK(gup::take_back(std::move(token), entry));
    }
}

TEST_CASE("an operation is known in a ring of large entries") {
    scene s(IORING_SETUP_SQE128);
    io_uring_sqe* const entries = s.ring.handle().sq.sqes;
    s.ring.handle().sq.sqe_tail = 3;
    auto token =
        gup::prep_write_fixed(entries[4], 3, gup::get_user_page(s.pages), 0, {.user_data = 1}); // the third
    entries[2].flags = silent;
    CHECK_FALSE(s.refused());
    entries[4].flags = silent;
    CHECK(s.refused());
    CHECK(gup::take_back(std::move(token), entries[4]));
}

TEST_CASE("an operation is known on the ring that it was prepared on") {
    std::array<stub_ring, 2> rings;
    domain made(rings[0].handle(), rings[1].handle());
    pool pages(made, gup_test::small(1));
    const auto refused = [&](stub_ring& ring) {
        return gup::detail::loses_completions(gup::detail::ring_access::rings(made), ring.handle());
    };
    std::array entries{&rings[0].entry(), &rings[1].entry()};
    auto token = gup::prep_write_fixed(*entries[1], 3, gup::get_user_page(pages), 0, {.user_data = 1});
    for (io_uring_sqe* const entry : entries) entry->flags = silent;
    CHECK_FALSE(refused(rings[0]));
    CHECK(refused(rings[1]));
    CHECK(gup::take_back(std::move(token), *entries[1]));
}

TEST_CASE("a ring that is none of the domain's has none of its operations") {
    scene s;
    stub_ring foreign;
    io_uring_sqe& entry = foreign.entry();
    entry.flags = silent;
    CHECK_FALSE(gup::detail::loses_completions(gup::detail::ring_access::rings(s.made), foreign.handle()));
}
