// SPDX-License-Identifier: BSL-1.0
// Dirty pages of a space written to real files.
#include "gup/io_uring_write_back.hpp"

#include "gup_test/ledger_kernel.hpp"
#include "gup_test/ring_scene.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <sys/resource.h>
#include <utility>
#include <vector>

using gup_test::ring_scene;
using gup_test::same;
using gup_test::scratch_file;

namespace {

constexpr std::size_t page_bytes = ring_scene::page_bytes;
using space = gup::address_space<ring_scene::domain>;

/// A space with pages 0 to 3, each filled with its letter; all but page 2 dirty.
struct space_scene : ring_scene {
    space_scene() : ring_scene(12) {
        if (!ok()) return;
        names.emplace(*p);
        for (std::uint64_t i = 0; i < 4; ++i) {
            const auto page = gup::get_page(*p);
            std::memset(page.bytes().data(), 'a' + static_cast<int>(i), page_bytes);
            names->insert(i, page);
            if (i != 2) gup::set_page_dirty(page);
        }
    }
    gup::write_back_result write_back(int fd) { return gup::write_back(*names, *d, r.handle(), fd); }
    std::optional<space> names{};
};

char letter(const scratch_file& file, std::size_t page) {
    const auto content = file.content(page * page_bytes, page_bytes);
    for (const std::byte byte : content)
        if (byte != content[0]) return '?';
    return static_cast<char>(content[0]);
}

} // namespace

TEST_CASE("dirty pages are written to their places, and are clean then") {
    space_scene s;
    if (!s.ok()) return;
    const scratch_file file;
    REQUIRE(s.names->dirty_pages() == std::vector<std::uint64_t>{0, 1, 3});

    const auto result = s.write_back(file.fd());

    CHECK(result.written == 3);
    CHECK(result.busy == 0);
    CHECK(file.size() == 4 * page_bytes);
    CHECK(letter(file, 0) == 'a');
    CHECK(letter(file, 1) == 'b');
    CHECK(letter(file, 2) == '\0'); // it was clean
    CHECK(letter(file, 3) == 'd');
    CHECK(s.names->dirty_pages().empty());
    CHECK(s.p->stats().pinned == 0);
    CHECK(s.p->stats().in_flight == 0);
    CHECK(s.write_back(file.fd()).written == 0);
    CHECK(s.r.silent());
    auto pinned = gup::find_get_user_page(*s.names, 0);
    CHECK(s.p->stats().free == 8); // not copied: no second name was left behind
    gup::put_user_page(std::move(*pinned), gup::dirty);
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0});
}

TEST_CASE("more dirty pages than the ring has room for are written in turn") {
    space_scene s;
    if (!s.ok()) return;
    gup_test::ring small_ring(0, 2);
    REQUIRE(small_ring.ok());
    ring_scene::domain domain(small_ring.handle());
    gup::page_pool pool(domain, gup_test::small(9, page_bytes));
    space names(pool);
    for (std::uint64_t i = 0; i < 8; ++i) {
        const auto page = gup::get_page(pool);
        std::memset(page.bytes().data(), 'a' + static_cast<int>(i), page_bytes);
        names.insert(i, page);
        gup::set_page_dirty(page);
    }
    const scratch_file file;
    CHECK(gup::write_back(names, domain, small_ring.handle(), file.fd()).written == 8);
    for (std::size_t i = 0; i < 8; ++i) CHECK(letter(file, i) == 'a' + static_cast<int>(i));
}

TEST_CASE("a page that a device may write to stays dirty and is counted") {
    space_scene s;
    if (!s.ok()) return;
    const scratch_file file;
    auto pinned = gup::find_get_user_page(*s.names, 1);
    const auto result = s.write_back(file.fd());
    CHECK(result.written == 2);
    CHECK(result.busy == 1);
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{1});
    gup::put_user_page(std::move(*pinned), gup::clean);
    CHECK(s.write_back(file.fd()).written == 1);
}

TEST_CASE("a page with several names is written for each of them") {
    space_scene s;
    if (!s.ok()) return;
    s.names->share(0, *s.names, 6);
    s.names->share(2, *s.names, 7); // clean
    const scratch_file file;
    CHECK(s.write_back(file.fd()).written == 4);
    CHECK(letter(file, 0) == 'a');
    CHECK(letter(file, 6) == 'a');
    CHECK(s.names->dirty_pages().empty());
}

TEST_CASE("nothing is written behind the end of the file") {
    space_scene s;
    if (!s.ok()) return;
    const scratch_file file;
    const auto result = gup::write_back(*s.names, *s.d, s.r.handle(), file.fd(), page_bytes + 100);
    CHECK(result.written == 2);
    CHECK(file.size() == page_bytes + 100);
    CHECK(file.content(page_bytes, 100) == std::vector<std::byte>(100, std::byte{'b'}));
    CHECK(s.names->dirty_pages().empty());
}

TEST_CASE("what cannot be written is dirty again, with the kernel's reason") {
    space_scene s;
    if (!s.ok()) return;
    const auto failure = gup_test::failure_of([&] { s.write_back(-1); });
    CHECK(failure.code == std::errc::bad_file_descriptor);
    CHECK(std::string(failure.call) == "write_back");
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0, 1, 3});
    CHECK(s.p->stats().pinned == 0);
    const scratch_file file;
    CHECK(s.write_back(file.fd()).written == 3);
}

TEST_CASE("completions that nobody has seen are not taken for those of writes") {
    space_scene s;
    if (!s.ok()) return;
    io_uring_sqe* const entry = io_uring_get_sqe(&s.r.handle());
    io_uring_prep_nop(entry);
    io_uring_sqe_set_data64(entry, 0);
    REQUIRE(io_uring_submit_and_wait(&s.r.handle(), 1) == 1);
    const scratch_file file;

    const auto failure = gup_test::failure_of([&] { s.write_back(file.fd()); });

    CHECK(failure.code == std::errc::device_or_resource_busy);
    CHECK(file.size() == 0);
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0, 1, 3});
    io_uring_cq_advance(&s.r.handle(), 1);
    CHECK(s.write_back(file.fd()).written == 3);
}

TEST_CASE("a file that takes only part of a page is asked why it takes no more") {
    space_scene s;
    if (!s.ok()) return;
    const scratch_file file;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = before;
    limit.rlim_cur = page_bytes + 100;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);

    const auto failure = gup_test::failure_of([&] { s.write_back(file.fd()); });

    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, handler);
    CHECK(failure.code == std::errc::file_too_large);
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{1, 3});
}

TEST_CASE("a page with several names is dirty until it was written for the last of them") {
    space_scene s;
    if (!s.ok()) return;
    gup_test::ring small_ring(0, 2);
    REQUIRE(small_ring.ok());
    ring_scene::domain domain(small_ring.handle());
    gup::page_pool pool(domain, gup_test::small(4, page_bytes));
    space names(pool);
    constexpr std::uint64_t in_no_file = std::uint64_t{1} << 50; // of pages of this size
    for (const std::uint64_t index : {std::uint64_t{0}, in_no_file}) {
        const auto page = gup::get_page(pool);
        names.insert(index, page);
        gup::set_page_dirty(page);
    }
    names.share(0, names, in_no_file + 1); // not among the first two, and those fail

    const scratch_file file;
    const auto failure =
        gup_test::failure_of([&] { gup::write_back(names, domain, small_ring.handle(), file.fd()); });

    CHECK(failure.code.value() != 0);
    CHECK(file.size() == page_bytes); // written for its first name
    CHECK(names.dirty_pages() == std::vector<std::uint64_t>{0, in_no_file, in_no_file + 1});
}

TEST_CASE("a copy of a page that is still to be written for the name is dirty, too") {
    space_scene s;
    if (!s.ok()) return;
    s.names->share(0, *s.names, 6);
    gup::detail::unwritten_names unwritten(*s.names);
    {
        gup::detail::page_in_write_back<ring_scene::domain> page(*s.names, 0, unwritten);
        REQUIRE(page);
        page.set_written();
    }
    auto writer = gup::find_get_user_page(*s.names, 6);
    gup::put_user_page(std::move(*writer), gup::clean); // the same content, not yet in the file at 6
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0, 1, 3, 6});
}

TEST_CASE("an index too large for a file is not taken for a small one") {
    space_scene s;
    if (!s.ok()) return;
    const std::uint64_t wraps = (~std::uint64_t{0} / page_bytes) + 1; // times the size of a page is 0
    const auto page = gup::get_page(*s.p);
    s.names->insert(wraps, page);
    gup::set_page_dirty(page);
    const scratch_file file;

    CHECK(gup::write_back(*s.names, *s.d, s.r.handle(), file.fd(), 4 * page_bytes).written == 3);
    CHECK(letter(file, 0) == 'a');

    gup::set_page_dirty(page);
    const auto failure = gup_test::failure_of([&] { s.write_back(file.fd()); });
    CHECK(failure.code.value() != 0);
    CHECK(letter(file, 0) == 'a');
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{wraps});
}

TEST_CASE("who wants to write to a page in write-back gets a copy, and the file the old content") {
    space_scene s;
    if (!s.ok()) return;
    const scratch_file file;
    gup::detail::unwritten_names unwritten(*s.names);
    {
        gup::detail::page_in_write_back<ring_scene::domain> page(*s.names, 0, unwritten);
        REQUIRE(page);
        auto reader = page.pin();
        CHECK_FALSE(gup::get_user_page_fast(*s.names, 0).has_value());
        auto writer = gup::find_get_user_page(*s.names, 0);
        writer->bytes()[0] = std::byte{'z'};
        CHECK(reader.bytes()[0] == std::byte{'a'});
        gup::put_user_page(std::move(*writer), gup::dirty);
        gup::put_user_page(std::move(reader));
        page.set_written();
    }
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0, 1, 3});
    const auto page = gup::find_get_page(*s.names, 0);
    CHECK(page->bytes()[0] == std::byte{'z'});
    CHECK(s.p->stats().free == 8);
}

TEST_CASE("a page whose write-back failed is dirty again, and so is the copy that has its name now") {
    space_scene s;
    if (!s.ok()) return;
    gup::detail::unwritten_names unwritten(*s.names);
    {
        const gup::detail::page_in_write_back<ring_scene::domain> page(*s.names, 0, unwritten);
        REQUIRE(page);
        auto writer = gup::find_get_user_page(*s.names, 0);
        gup::put_user_page(std::move(*writer), gup::clean); // the same content, in no file yet
        CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{1, 3});
    }
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0, 1, 3});
}

TEST_CASE("who holds a page in write-back can write to it, and it stays dirty") {
    space_scene s;
    if (!s.ok()) return;
    const auto held = gup::find_get_page(*s.names, 0);
    gup::detail::unwritten_names unwritten(*s.names);
    {
        gup::detail::page_in_write_back<ring_scene::domain> page(*s.names, 0, unwritten);
        auto pinned = gup::get_user_page(*held); // terminates for a page with several names
        gup::put_user_page(std::move(pinned), gup::dirty);
        page.set_written();
    }
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0, 1, 3});
}
