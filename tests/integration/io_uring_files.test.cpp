// SPDX-License-Identifier: BSL-1.0
// Fixed reads and writes of files on the real kernel.
#include "gup/domain/io_uring.hpp"
#include "gup/local.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ring_scene.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/scratch_file.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace {

using gup_test::completion;
using gup_test::pattern;
using gup_test::ring_scene;
using gup_test::same;
using gup_test::scratch_file;

constexpr std::size_t page_bytes = ring_scene::page_bytes;

} // namespace

TEST_CASE("a page is written to a file and read back, with records") {
    ring_scene s;
    if (!s.ok()) return;
    const auto content = pattern(page_bytes);
    const scratch_file file;

    gup::prep_write_fixed(s.r.entry(), file.fd(), s.filled(content), 4096);
    const completion written = s.r.submit_and_wait();
    CHECK(written.res == static_cast<int>(page_bytes));
    gup::put_user_page(gup::complete(*s.d, written), gup::clean);
    CHECK(same(file.content(4096, page_bytes), content));

    gup::prep_read_fixed(s.r.entry(), file.fd(), s.filled(pattern(page_bytes, 2)), 4096);
    const completion read = s.r.submit_and_wait();
    CHECK(read.res == static_cast<int>(page_bytes));
    auto back = gup::complete(*s.d, read);
    CHECK(same(back.bytes(), content));
    CHECK(gup::page_dirty(back));
    gup::put_user_page(std::move(back), gup::clean);
}

TEST_CASE("a page is written to a file and read back, with tokens") {
    ring_scene s;
    if (!s.ok()) return;
    const auto content = pattern(page_bytes);
    const scratch_file file;

    auto writing = gup::prep_write_fixed(s.r.entry(), file.fd(), s.filled(content), 0, {.user_data = 10});
    const completion written = s.r.submit_and_wait();
    CHECK(written.user_data == 10);
    auto back = gup::complete(std::move(writing), written);
    std::memset(back.bytes().data(), 0, page_bytes);
    auto reading = gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(back), 0, {.user_data = 11});
    back = gup::complete(std::move(reading), s.r.submit_and_wait());
    CHECK(same(back.bytes(), content));
}

TEST_CASE("a page that is only read or only sent can be written to a file") {
    ring_scene s;
    if (!s.ok()) return;
    const auto content = pattern(page_bytes);
    const scratch_file file;
    const auto page = s.filled(content);
    gup::prep_write_fixed(s.r.entry(), file.fd(), gup::ref_user_page<gup::dma_access::read>(page), 0);
    const completion first = s.r.submit_and_wait();
    CHECK_THROWS_AS(gup::complete(*s.d, first), gup::pin_error);
    gup::put_user_page(gup::complete<gup::dma_access::read>(*s.d, first));
    gup::prep_write_fixed(s.r.entry(), file.fd(), gup::ref_user_page<gup::dma_access::to_device>(page),
                          page_bytes);
    gup::put_user_page(gup::complete<gup::dma_access::to_device>(*s.d, s.r.submit_and_wait()), gup::clean);
    CHECK(file.size() == 2 * page_bytes);
}

TEST_CASE("only the named part of a page moves") {
    ring_scene s;
    if (!s.ok()) return;
    const auto content = pattern(page_bytes);
    const scratch_file file;
    gup::prep_write_fixed(s.r.entry(), file.fd(), s.filled(content), 0,
                          {.part = {.offset = 1000, .length = 24}});
    auto page = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(same(file.content(), std::span(content).subspan(1000, 24)));

    std::memset(page.bytes().data(), 0, page_bytes);
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(page), 4,
                         {.part = {.offset = page_bytes - 10, .length = 10}});
    page = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(same(page.bytes().last(10), std::span(content).subspan(1004, 10)));
    CHECK(page.bytes()[page_bytes - 11] == std::byte{0});
}

TEST_CASE("a read over the end of a file is short, and past it empty") {
    ring_scene s;
    if (!s.ok()) return;
    const auto content = pattern(page_bytes + 777);
    const scratch_file file(content);
    gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p), page_bytes);
    const completion tail = s.r.submit_and_wait();
    CHECK(tail.res == 777);
    auto page = gup::complete(*s.d, tail);
    CHECK(same(page.bytes().first(777), std::span(content).last(777)));
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(page), 1U << 20);
    const completion beyond = s.r.submit_and_wait();
    CHECK(beyond.res == 0);
    page = gup::complete(*s.d, beyond);
}

TEST_CASE("a failed operation gives its page back, a read one dirty") {
    ring_scene s;
    if (!s.ok()) return;
    const auto page = gup::get_page(*s.p);
    gup::prep_write_fixed(s.r.entry(), -1, gup::get_user_page(page), 0);
    completion failed = s.r.submit_and_wait();
    CHECK(failed.res == -EBADF);
    gup::put_user_page(gup::complete(*s.d, failed), gup::clean);
    CHECK_FALSE(gup::page_dirty(page));

    auto token = gup::prep_read_fixed(s.r.entry(), -1, gup::get_user_page(page), 0, {.user_data = 3});
    failed = s.r.submit_and_wait();
    CHECK(failed.res == -EBADF);
    gup::put_user_page(gup::complete(std::move(token), failed), gup::clean);
    CHECK(gup::page_dirty(page));
    CHECK_FALSE(gup::page_maybe_dma_pinned(page));
}

TEST_CASE("several operations on one page each hold a pin of their own") {
    ring_scene s(1);
    if (!s.ok()) return;
    const auto content = pattern(page_bytes);
    const scratch_file file;
    auto page = s.filled(content);
    for (unsigned i = 0; i < 4; ++i)
        gup::prep_write_fixed(s.r.entry(), file.fd(), gup::ref_user_page(page), i * 2048,
                              {.part = {.offset = i * 2048, .length = 2048}});
    auto fifth = gup::prep_write_fixed(s.r.entry(), file.fd(), std::move(page), page_bytes, {.user_data = 5});
    CHECK(s.p->stats().in_flight == 5);
    CHECK(s.p->stats().free == 0);
    REQUIRE(s.r.submit() == 5);
    for (int i = 0; i < 5; ++i) {
        const completion done = s.r.wait();
        CHECK(done.res > 0);
        auto back = done.user_data == 5 ? gup::complete(std::move(fifth), done) : gup::complete(*s.d, done);
        CHECK(s.p->stats().pinned == 1);
    }
    CHECK(s.p->stats().free == 1);
    CHECK(same(file.content(0, page_bytes), content));
    CHECK(same(file.content(page_bytes, page_bytes), content));
}

TEST_CASE("the completion of the kernel gives a page back once, also after its record was used again") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(page_bytes));
    std::vector<completion> over;
    for (int i = 0; i < 100; ++i) { // more often than the domain has records
        gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p), 0);
        over.push_back(s.r.submit_and_wait());
        for (std::size_t before = 0; before + 1 < over.size(); ++before)
            REQUIRE_FALSE(gup::try_complete(*s.d, over[before]));
        gup::put_user_page(gup::complete(*s.d, over.back()), gup::clean);
        REQUIRE_FALSE(gup::try_complete(*s.d, over.back()));
    }
    CHECK(s.p->stats().free == 8);
}

TEST_CASE("pages of a local domain move through a ring and come back as what they were") {
    gup_test::ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    using domain = gup::local<gup::io_uring_domain<>>;
    gup::page_pool<domain> pool(domain(r.handle()), gup_test::small(1));
    const auto content = pattern(4096);
    const scratch_file file(content);
    gup::prep_read_fixed(r.entry(), file.fd(), gup::get_user_page(pool), 0);
    gup::user_page_ref<domain> page = gup::complete(pool.domain(), r.submit_and_wait());
    CHECK(same(page.bytes(), content));
    CHECK(pool.stats().in_flight == 0);
}

TEST_CASE("direct I/O reaches a real file") {
    ring_scene s;
    if (!s.ok()) return;
    const auto file = scratch_file::direct();
    if (!gup_test::have_optional(file.ok(), "no O_TMPFILE with O_DIRECT in the current directory")) return;
    const auto content = pattern(page_bytes);
    gup::prep_write_fixed(s.r.entry(), file.fd(), s.filled(content), 3 * page_bytes);
    completion done = s.r.submit_and_wait();
    CHECK(done.res == static_cast<int>(page_bytes));
    auto page = gup::complete(*s.d, done);
    std::memset(page.bytes().data(), 0, page_bytes);
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(page), 3 * page_bytes);
    done = s.r.submit_and_wait();
    CHECK(done.res == static_cast<int>(page_bytes));
    page = gup::complete(*s.d, done);
    CHECK(same(page.bytes(), content));
}

TEST_CASE("a pool that the kernel refuses to pin does plain I/O and says so") {
    struct refusing_kernel : gup::system_kernel {
        static int io_uring_register(int fd, unsigned opcode, const void* argument, unsigned count) {
            if (opcode == IORING_REGISTER_BUFFERS_UPDATE) return -EFAULT;
            return gup::system_kernel::io_uring_register(fd, opcode, argument, count);
        }
    };
    using domain = gup::io_uring_domain<void, refusing_kernel>;
    gup_test::ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    domain d(r.handle());
    auto options = gup_test::small(1);
    CHECK_THROWS_AS(gup::page_pool<domain>(d, options), gup::pin_error);
    options.fallback = gup::pin_fallback::unpinned;
    gup::page_pool<domain> pool(d, options);
    CHECK_FALSE(pool.registered());
    CHECK(pool.why_not_registered()->code.value() == EFAULT);

    const auto content = pattern(4096);
    const scratch_file file(content);
    gup::prep_read_fixed(r.entry(), file.fd(), gup::get_user_page(pool), 0);
    auto page = gup::complete(d, r.submit_and_wait());
    CHECK(same(page.bytes(), content));
    gup::prep_write_fixed(r.entry(), file.fd(), std::move(page), 4096);
    page = gup::complete(d, r.submit_and_wait());
    CHECK(same(file.content(4096, 4096), content));
}
