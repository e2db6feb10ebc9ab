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

using gup::detail::submission_fault;
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
        return gup_test::fault_of_queue(made, ring) != gup::detail::submission_fault::none;
    };
    std::array entries{&rings[0].entry(), &rings[1].entry()};
    auto token = gup::prep_write_fixed(*entries[1], 3, gup::get_user_page(pages), 0, {.user_data = 1});
    for (io_uring_sqe* const entry : entries) entry->flags = silent;
    CHECK_FALSE(refused(rings[0]));
    CHECK(refused(rings[1]));
    CHECK(gup::take_back(std::move(token), *entries[1]));
}

TEST_CASE("an operation whose user_data was changed is found, and has it again") {
    scene s;
    pool unpinned = gup_test::unpinned_pool(s.made);
    for (pool* const pages : {&s.pages, &unpinned}) {
        const auto page = gup::get_user_page(*pages);
        const auto prepare = [&](auto operation) {
            io_uring_sqe& entry = s.ring.entry();
            operation(entry, gup::ref_user_page(page));
            const std::uint64_t number = std::exchange(entry.user_data, 7);
            CHECK(s.fault() == submission_fault::renamed);
            CHECK(entry.user_data == number);
            CHECK_FALSE(s.refused());
            CHECK(gup::take_back(s.made, entry));
        };
        prepare([](io_uring_sqe& e, auto ref) { gup::prep_read_fixed(e, 3, std::move(ref), 0); });
        prepare([](io_uring_sqe& e, auto ref) { gup::prep_write_fixed(e, 3, std::move(ref), 0); });
        prepare([](io_uring_sqe& e, auto ref) { gup::prep_send_zc_fixed(e, 3, std::move(ref), 0); });
        s.ring.submit();
        s.told();
    }
}

TEST_CASE("two operations on a page whose user_data was changed have their own again") {
    scene s;
    const auto page = gup::get_user_page(s.pages);
    io_uring_sqe& read = s.ring.entry();
    io_uring_sqe& write = s.ring.entry();
    gup::prep_write_fixed(write, 3, gup::ref_user_page(page), 0);
    gup::prep_read_fixed(read, 3, gup::ref_user_page(page), 0);
    const std::uint64_t of_read = std::exchange(read.user_data, 1);
    const std::uint64_t of_write = std::exchange(write.user_data, 1);
    CHECK(s.fault() == submission_fault::renamed);
    CHECK(read.user_data == of_read);
    CHECK(write.user_data == of_write);
    CHECK(gup::take_back(s.made, read));
    CHECK(gup::take_back(s.made, write));
}

TEST_CASE("a token whose operation has another user_data by now is found") {
    scene s;
    io_uring_sqe& entry = s.ring.entry();
    auto token = gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.user_data = 5});
    entry.user_data = 7;
    CHECK(s.fault() == submission_fault::renamed_token);
    entry.user_data = token.user_data();
    CHECK_FALSE(s.refused());
    CHECK(gup::take_back(token, entry));
}

TEST_CASE("the page of an operation whose entry was used again is put") {
    scene s;
    io_uring_sqe& entry = s.prepare();
    gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0);
    CHECK(s.pages.stats().in_flight == 2);
    CHECK(s.fault() == submission_fault::overwritten);
    CHECK(s.pages.stats().in_flight == 1);
    CHECK(s.pages.stats().pinned == 1);
    CHECK_FALSE(s.refused());
    io_uring_prep_nop(&entry);
    entry.user_data = 3;
    CHECK(s.fault() == submission_fault::overwritten);
    CHECK(s.pages.stats().in_flight == 0);
    CHECK_FALSE(s.refused());
}

TEST_CASE("an entry that repeats the user_data of an operation in flight is found") {
    scene s;
    const std::uint64_t number = s.prepare().user_data;
    s.ring.submit();
    s.told();
    no_op(s, 0, number);
    CHECK(s.fault() == submission_fault::copied);
    CHECK(s.pages.stats().in_flight == 1);
    static_cast<void>(gup::complete(s.made, made_up(number)));
    CHECK_FALSE(s.refused());
}

TEST_CASE("a program that submits by itself is not told that operations are missing") {
    scene s;
    const std::uint64_t number = s.prepare().user_data;
    s.ring.submit();
    io_uring_sqe& entry = s.prepare();
    CHECK_FALSE(s.refused());
    s.told();
    CHECK_FALSE(s.refused());
    entry.user_data = 7;
    CHECK(s.fault() == submission_fault::renamed);
    CHECK(gup::take_back(s.made, entry));
    static_cast<void>(gup::complete(s.made, made_up(number)));
}

TEST_CASE("an operation whose user_data was changed before the program submitted it keeps its page") {
    scene s;
    io_uring_sqe& entry = s.prepare();
    const std::uint64_t number = std::exchange(entry.user_data, 7);
    s.ring.submit();
    CHECK_FALSE(s.refused());
    io_uring_sqe& later = s.prepare();
    const std::uint64_t of_later = std::exchange(later.user_data, 7);
    CHECK(s.fault() == submission_fault::renamed);
    CHECK(later.user_data == of_later);
    CHECK(s.pages.stats().in_flight == 2);
    for (const std::uint64_t one : {number, of_later}) CHECK(gup::try_complete(s.made, made_up(one)));
}

TEST_CASE("what the program has submitted by itself is not looked for where entries are used again") {
    scene s;
    io_uring_sqe& entry = s.prepare();
    const std::uint64_t number = std::exchange(entry.user_data, 7);
    s.ring.submit();
    for (unsigned i = 0; i < stub_ring::entries; ++i) no_op(s, 0);
    CHECK_FALSE(s.refused());
    CHECK(s.pages.stats().in_flight == 1);
    CHECK(gup::try_complete(s.made, made_up(number)));
}

TEST_CASE("an operation that would read into other memory than its page is refused") {
    scene s;
    io_uring_sqe& entry = s.prepare(IOSQE_BUFFER_SELECT);
    CHECK(s.fault() == submission_fault::other_memory);
    entry.flags = 0;
    CHECK_FALSE(s.refused());
    CHECK(gup::take_back(s.made, entry));
    no_op(s, IOSQE_BUFFER_SELECT);
    CHECK_FALSE(s.refused());
}
