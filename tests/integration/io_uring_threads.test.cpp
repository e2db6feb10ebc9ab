// SPDX-License-Identifier: BSL-1.0
// Submitting and reaping on different threads, and rings that only one thread may use, on the real kernel.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/errand_thread.hpp"
#include "gup_test/ring_scene.hpp"

#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace {

using gup_test::errand_thread;
using gup_test::pattern;
using gup_test::pinned_memory;
using gup_test::ring;
using gup_test::ring_scene;
using gup_test::scratch_file;
using gup_test::slots_of;

using domain = gup::io_uring_domain<>;
using pool_type = gup::page_pool<domain>;

constexpr unsigned single_issuer = IORING_SETUP_SINGLE_ISSUER;
constexpr unsigned deferring = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

/// Submits `operations` reads of the file, as many at a time as pages and records allow; some are taken back
/// first.
void submit_all(ring& r, domain& d, pool_type& pool, int fd, int operations) {
    int attempts = 0;
    for (int submitted = 0; submitted < operations;) {
        auto page = gup::try_get_user_page(pool);
        io_uring_sqe* const entry = page ? ::io_uring_get_sqe(&r.handle()) : nullptr;
        if (entry == nullptr) {
            r.submit();
            std::this_thread::yield();
            continue;
        }
        std::error_code error;
        gup::prep_read_fixed(*entry, fd, std::move(*page), 0, {}, error);
        if (error) continue; // all records are in use; the entry is a no-op
        if (++attempts % 7 == 0)
            gup::put_user_page(gup::take_back(d, *entry), gup::clean);
        else
            ++submitted;
        if (submitted % 3 == 0) r.submit();
    }
    r.submit();
}

} // namespace

TEST_CASE("one thread submits thousands of reads while another completes them") {
    ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    constexpr int operations = 5000;
    const auto content = pattern(4096);
    const scratch_file file(content);
    domain d(r.handle(), {.operations = 6});
    pool_type pool(d, gup_test::small(8));
    std::atomic<int> wrong{0};
    std::thread reaper([&] {
        for (int done = 0; done < operations;) {
            io_uring_cqe* cqe = nullptr;
            if (::io_uring_peek_cqe(&r.handle(), &cqe) != 0) {
                std::this_thread::yield();
                continue;
            }
            if (auto page = gup::try_complete(d, cqe)) {
                wrong += cqe->res != 4096 || !gup_test::same(page->bytes(), content);
                gup::put_user_page(std::move(*page), gup::clean);
                ++done;
            }
            ::io_uring_cqe_seen(&r.handle(), cqe);
        }
    });
    submit_all(r, d, pool, file.fd(), operations);
    reaper.join();
    CHECK(wrong == 0);
    CHECK(pool.stats().in_flight == 0);
    CHECK(pool.stats().free == 8);
}

TEST_CASE("threads with a ring each share the pages of one domain") {
    std::array<ring, 2> rings;
    if (!gup_test::have(rings[0].ok(), rings[0].why_not())) return;
    const auto content = pattern(4096);
    const scratch_file file(content);
    domain d(rings[0].handle(), rings[1].handle());
    pool_type pool(d, gup_test::small(3));
    std::atomic<int> wrong{0};
    const auto work = [&](ring& r) {
        for (int i = 0; i < 1000; ++i) {
            auto page = gup::try_get_user_page(pool);
            if (!page) continue;
            gup::prep_read_fixed(::io_uring_get_sqe(&r.handle()), file.fd(), std::move(*page), 0);
            ::io_uring_submit_and_wait(&r.handle(), 1);
            io_uring_cqe* cqe = nullptr;
            wrong += ::io_uring_peek_cqe(&r.handle(), &cqe) != 0 || cqe->res != 4096;
            const auto back = gup::try_complete(d, cqe);
            wrong += !back || !gup_test::same(back->bytes(), content);
            ::io_uring_cqe_seen(&r.handle(), cqe);
        }
    };
    std::thread other([&] { work(rings[1]); });
    work(rings[0]);
    other.join();
    CHECK(wrong == 0);
    CHECK(pool.stats().free == 3);
}

TEST_CASE("a domain of a SINGLE_ISSUER ring is made on its thread, and says so elsewhere") {
    ring r(single_issuer);
    if (!gup_test::have(r.ok(), r.why_not())) return;
    errand_thread other;
    other.run([&] {
        const auto what = gup_test::what_of([&] { domain{r.handle()}; });
        CHECK(gup_test::contains(what, "make the domain on the thread that submits"));
    });
    domain d(r.handle());
    other.run([&] {
        const auto what = gup_test::what_of([&] { pool_type(d, gup_test::small(1)); });
        CHECK(gup_test::contains(what, "pin on the thread that submits"));
    });
    CHECK_NOTHROW(pool_type(d, gup_test::small(1)));
    CHECK(slots_of(r).empty());
}

TEST_CASE(
    "a pool that ends on another thread keeps its memory until the submitting thread calls the domain") {
    for (const unsigned flags : {single_issuer, deferring}) {
        ring r(flags);
        if (!gup_test::have(r.ok(), r.why_not())) return;
        const std::size_t before = pinned_memory();
        domain d(r.handle());
        auto pool = std::make_unique<pool_type>(d, gup_test::small(4));
        auto page = gup::get_user_page(*pool);
        const void* const address = page.bytes().data();
        gup::put_user_page(std::move(page), gup::clean);

        errand_thread other;
        other.run([&] {
            pool.reset();
            static_cast<void>(gup::try_complete(d, gup_test::made_up(0)));
        });
        CHECK(gup_test::is_mapped(address));
        CHECK(pinned_memory() == before + 4 * 4096);
        CHECK(slots_of(r).size() == 1);

        std::error_code error;
        gup::submit(d, r.handle(), error);
        CHECK_FALSE(gup_test::is_mapped(address));
        CHECK(gup_test::eventually([&] { return pinned_memory() == before; }));
        CHECK(slots_of(r).empty());
    }
}

TEST_CASE("the slot of a pool that ended on another thread is free for the next pool") {
    ring r(deferring);
    if (!gup_test::have(r.ok(), r.why_not())) return;
    domain d(r.handle(), {.slots = 1});
    for (int i = 0; i < 3; ++i) {
        auto pool = std::make_unique<pool_type>(d, gup_test::small(4));
        errand_thread().run([&] { pool.reset(); });
    }
    CHECK(slots_of(r).size() == 1);
}

TEST_CASE(
    "a domain that ends on another thread lets go of the memory, and the ring of the pin when it closes") {
    const std::size_t before = pinned_memory();
    const std::size_t open = gup_test::open_descriptors();
    {
        ring r(single_issuer);
        if (!gup_test::have(r.ok(), r.why_not())) return;
        auto d = std::make_unique<domain>(r.handle());
        auto pool = std::make_unique<pool_type>(*d, gup_test::small(4));
        auto page = gup::get_user_page(*pool);
        const void* const address = page.bytes().data();
        gup::put_user_page(std::move(page), gup::clean);
        errand_thread().run([&] {
            pool.reset();
            d.reset();
        });
        CHECK_FALSE(gup_test::is_mapped(address));
        CHECK(pinned_memory() == before + 4 * 4096);
    }
    CHECK(gup_test::open_descriptors() == open);
    CHECK(gup_test::eventually([&] { return pinned_memory() == before; }));
}

TEST_CASE("operations work on rings that only one thread may use") {
    for (const unsigned flags : {single_issuer, deferring}) {
        ring_scene s(4, flags);
        if (!s.ok()) return;
        const auto content = pattern(8192);
        const scratch_file file(content);
        gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p), 0);
        const auto page = gup::complete(*s.d, s.r.submit_and_wait());
        CHECK(gup_test::same(page.bytes(), content));
    }
}
