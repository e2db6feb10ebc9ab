// SPDX-License-Identifier: BSL-1.0
// Proxies of registered pages in operations on the real kernel.
#include "gup/domain/io_uring.hpp"
#include "gup/local.hpp"

#include "gup_test/proxies.hpp"
#include "gup_test/ring_scene.hpp"

#include <optional>
#include <utility>

namespace {

using gup_test::completion;
using gup_test::pattern;
using gup_test::ring_scene;
using gup_test::same;
using gup_test::scratch_file;

constexpr std::size_t page_bytes = ring_scene::page_bytes;

/// A ring, a page, and two proxies in front of it.
struct ring_proxy_scene : ring_scene {
    using source_type = gup_test::one_page_source<domain>;

    ring_proxy_scene() {
        if (!ok()) return;
        page = gup::get_page(*p);
        source.emplace(gup::make_source<source_type>(page, log));
        first = (*source)->make(1);
        second = (*source)->make(2);
    }

    gup::page_ref<domain> page{};
    gup_test::source_log log{};
    std::optional<gup::source_handle<source_type>> source{};
    gup::page_ref<domain> first{}, second{};
};

} // namespace

TEST_CASE("operations read and write one page through two proxies") {
    ring_proxy_scene s;
    if (!s.ok()) return;
    const auto content = pattern(page_bytes);
    const scratch_file file(content);

    gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(s.first), 0);
    CHECK(s.p->stats().in_flight == 1);
    CHECK(gup::page_maybe_dma_pinned(s.page));
    const completion read = s.r.submit_and_wait();
    CHECK(read.res == static_cast<int>(page_bytes));
    auto back = gup::complete(*s.d, read);
    CHECK(gup::page_index(back) == 1);
    CHECK(same(s.page.bytes(), content));
    CHECK(gup::page_dirty(s.page));
    gup::put_user_page(std::move(back), gup::clean);

    auto reader = gup::get_user_page<gup::dma_access::read>(s.second);
    auto token =
        gup::prep_write_fixed(s.r.entry(), file.fd(), std::move(reader), page_bytes, {.user_data = 5});
    const completion written = s.r.submit_and_wait();
    CHECK(written.res == static_cast<int>(page_bytes));
    auto given = gup::complete(std::move(token), written);
    CHECK(gup::page_index(given) == 2);
    CHECK(same(file.content(page_bytes, page_bytes), content));
    gup::put_user_page(std::move(given));
    CHECK_FALSE(gup::page_maybe_dma_pinned(s.page));
    CHECK(s.p->stats().in_flight == 0);
    CHECK(s.log.idle == 2);
}

TEST_CASE("a proxy whose only reference is in flight comes back with it") {
    ring_proxy_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(page_bytes));

    gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(s.first), 0);
    gup::put_page(std::move(s.first));
    s.source.reset();
    CHECK(s.log.released == 0);
    auto back = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(gup::page_index(back) == 1);
    gup::put_user_page(std::move(back), gup::clean);
    CHECK(s.log.released == 1);
}

TEST_CASE("an operation on a proxy is taken back") {
    ring_proxy_scene s;
    if (!s.ok()) return;
    const scratch_file file;

    io_uring_sqe& sqe = s.r.entry();
    gup::prep_write_fixed(sqe, file.fd(), gup::get_user_page(s.second), 0);
    auto back = gup::take_back(*s.d, sqe);
    CHECK(gup::page_index(back) == 2);
    gup::put_user_page(std::move(back), gup::clean);
    CHECK_FALSE(gup::page_maybe_dma_pinned(s.page));
    CHECK(gup::submit(*s.d, s.r.handle()) == 1);
    CHECK(s.r.silent());
}

TEST_CASE("proxies of a local domain count without atomics and work the same") {
    using domain = gup::local<gup::io_uring_domain<>>;
    gup_test::ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    domain d(r.handle());
    gup::page_pool pool(d, gup_test::small(2, page_bytes));
    const auto content = pattern(page_bytes);
    const scratch_file file(content);
    auto page = gup::get_page(pool);
    gup_test::source_log log;
    auto source = gup::make_source<gup_test::one_page_source<domain>>(page, log);
    auto proxy = source->make(3);

    auto pin = gup::get_user_page(proxy);
    auto reader = gup::ref_user_page<gup::dma_access::read>(pin);
    gup::put_page(std::move(proxy));
    gup::prep_read_fixed(r.entry(), file.fd(), std::move(pin), 0);
    auto back = gup::complete(d, r.submit_and_wait());
    CHECK(same(reader.bytes(), content));
    gup::put_user_page(std::move(back), gup::clean);
    CHECK(log.idle == 0);
    gup::put_user_page(std::move(reader));
    CHECK(log.idle == 1);
    CHECK(log.released == 1);
    CHECK_FALSE(gup::page_maybe_dma_pinned(page));
}
