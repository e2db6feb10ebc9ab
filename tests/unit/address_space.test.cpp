// SPDX-License-Identifier: BSL-1.0
#include "gup/address_space.hpp"

#include "gup/caller_memory.hpp"
#include "gup/local.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/proxies.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

using namespace gup_test;

namespace {

using space = gup::address_space<pretended>;

/// A pool for content and copies, and a space with a page under index 10.
struct space_scene {
    explicit space_scene(std::size_t pages = 8) : pool(pool_of(pages)), names(pool) {
        const auto page = gup::get_page(pool);
        std::memset(page.bytes().data(), 'a', page.size());
        names.insert(10, page);
    }
    char first_byte(space& of, std::uint64_t index) {
        const auto page = gup::find_get_page(of, index).value();
        return static_cast<char>(page.bytes()[0]);
    }
    std::size_t used() const { return pool.stats().pages - pool.stats().free; }

    pretended_pool pool;
    space names;
};

const gup::page* page_under(space& of, std::uint64_t index) {
    return &gup::page_descriptor(gup::find_get_page(of, index).value());
}
const gup::page_proxy* proxy_under(space& of, std::uint64_t index) {
    return gup::find_page_proxy(gup::find_get_page(of, index).value());
}

} // namespace

TEST_CASE("a page is found by its name, through one proxy that says which name that is") {
    space_scene s;
    auto found = gup::find_get_page(s.names, 10);
    REQUIRE(found.has_value());
    CHECK(gup::page_proxied(*found));
    CHECK(gup::page_mapping(*found) == s.names.mapping());
    CHECK(gup::page_index(*found) == 10);
    CHECK(proxy_under(s.names, 10) == gup::find_page_proxy(*found));
    CHECK(s.first_byte(s.names, 10) == 'a');
    CHECK_FALSE(gup::find_get_page(s.names, 11).has_value());
    CHECK_FALSE(gup::find_get_user_page(s.names, 11).has_value());
    CHECK(s.names.size() == 1);
    CHECK_FALSE(gup::page_maybe_dma_pinned(*found));
    auto pinned = gup::find_get_user_page(s.names, 10);
    CHECK(gup::page_maybe_dma_pinned(*found));
    gup::put_user_page(std::move(*pinned), gup::clean);
}

TEST_CASE("a name keeps its page, and found references outlive it") {
    space_scene s;
    CHECK(s.used() == 1);
    auto found = gup::find_get_page(s.names, 10);
    CHECK(s.names.remove(10));
    CHECK_FALSE(s.names.remove(10));
    CHECK_FALSE(gup::find_get_page(s.names, 10).has_value());
    CHECK(s.names.size() == 0);
    CHECK(found->bytes()[0] == std::byte{'a'});
    CHECK(s.used() == 1);
    gup::put_page(std::move(*found));
    CHECK(s.used() == 0);
    const auto other = gup::get_page(s.pool);
    s.names.insert(10, other);
    CHECK(page_under(s.names, 10) == &gup::page_descriptor(other));
}

TEST_CASE("what a space cannot do it refuses with the reason, and changes nothing") {
    space_scene s;
    const auto other = gup::get_page(s.pool);
    auto failure = failure_of([&] { s.names.insert(10, other); });
    CHECK(failure.code == std::errc::file_exists);
    CHECK(failure.message().find("index 10 names a page already: remove it first") != std::string::npos);
    CHECK(failure_of([&] { s.names.share(11, s.names, 12); }).code == std::errc::no_such_file_or_directory);
    CHECK(failure_of([&] { s.names.share(10, s.names, 10); }).code == std::errc::file_exists);
    {
        auto pinned = gup::find_get_user_page(s.names, 10);
        failure = failure_of([&] { s.names.share(10, s.names, 12); });
        CHECK(failure.code == std::errc::device_or_resource_busy);
        CHECK(failure.message().find("pinned for writing") != std::string::npos);
        gup::put_user_page(std::move(*pinned), gup::clean);
    }
    CHECK(s.names.size() == 1);
    auto again = gup::find_get_user_page(s.names, 10);
    CHECK(s.used() == 2); // the page was not copied: no name was left behind
    gup::put_user_page(std::move(*again), gup::clean);
    s.names.share(10, s.names, 12);
    CHECK(page_under(s.names, 12) == page_under(s.names, 10));
}

TEST_CASE("names of one page have proxies of their own and share content and dirty state") {
    space_scene s;
    space snapshot;
    s.names.share(10, snapshot, 7);
    CHECK(page_under(snapshot, 7) == page_under(s.names, 10));
    CHECK(proxy_under(snapshot, 7) != proxy_under(s.names, 10));
    CHECK(s.used() == 1);
    CHECK(s.names.dirty_pages().empty());
    gup::set_page_dirty(*gup::find_get_page(snapshot, 7));
    CHECK(s.names.dirty_pages() == std::vector<std::uint64_t>{10});
    CHECK(snapshot.dirty_pages() == std::vector<std::uint64_t>{7});
    auto one = gup::find_get_user_page<gup::dma_access::read>(s.names, 10);
    auto two = gup::find_get_user_page<gup::dma_access::read>(snapshot, 7);
    CHECK(one->bytes().data() == two->bytes().data());
    gup::put_user_page(std::move(*one));
    gup::put_user_page(std::move(*two));
}

TEST_CASE("writing through a name of a shared page copies it first") {
    const auto make_dirty = GENERATE(false, true);
    space_scene s;
    space snapshot;
    s.names.share(10, snapshot, 7);
    if (make_dirty) gup::set_page_dirty(*gup::find_get_page(s.names, 10));
    auto reader = gup::find_get_user_page<gup::dma_access::read>(s.names, 10);

    auto pinned = gup::find_get_user_page(s.names, 10);

    CHECK(s.used() == 2);
    CHECK(pinned->bytes()[4095] == std::byte{'a'});
    CHECK(gup::page_dirty(*pinned) == make_dirty);
    pinned->bytes()[0] = std::byte{'b'};
    CHECK(reader->bytes()[0] == std::byte{'a'}); // who pinned it before keeps what he saw
    CHECK(s.first_byte(snapshot, 7) == 'a');
    CHECK(s.first_byte(s.names, 10) == 'b');
    CHECK(gup::page_index(*pinned) == 10);
    gup::put_user_page(std::move(*pinned), gup::dirty);
    gup::put_user_page(std::move(*reader));

    auto last = gup::find_get_user_page(snapshot, 7);
    CHECK(s.used() == 2); // it is the only name of its page now
    gup::put_user_page(std::move(*last), gup::clean);
}

TEST_CASE("a shared page is not pinned to write by a reference, which could not be given the copy") {
    space_scene s;
    space snapshot;
    s.names.share(10, snapshot, 7);
    const auto found = gup::find_get_page(s.names, 10);
    auto reader = gup::get_user_page<gup::dma_access::read>(*found);
    gup::put_user_page(std::move(reader));
    const auto child = in_child([&] {
        auto writer = gup::get_user_page(*found);
        return 0;
    });
    CHECK(child.terminated());
    CHECK(child.said_that("asked to write to a page that has several names"));
    snapshot.remove(7);
    auto writer = gup::get_user_page(*found);
    gup::put_user_page(std::move(writer), gup::clean);
}

TEST_CASE("a reference to the page that a name had does not write to those that have it still") {
    space_scene s;
    space snapshot;
    s.names.share(10, snapshot, 7);
    auto before = gup::find_get_page(s.names, 10);
    gup::put_user_page(gup::find_get_user_page(s.names, 10).value(), gup::dirty); // 10 is a copy's name now
    const auto child = in_child([&] {
        auto writer = gup::get_user_page(*before); // the page of snapshot's 7, which has one name
        return 0;
    });
    CHECK(child.terminated());
    CHECK(child.said_that("asked to write to a page whose name has been given a copy"));

    const auto now = gup::find_get_page(s.names, 10);
    gup::put_user_page(gup::get_user_page(*now), gup::clean);
    const auto others = gup::find_get_page(snapshot, 7);
    gup::put_user_page(gup::get_user_page(*others), gup::clean);
    snapshot.remove(7);
    gup::put_user_page(gup::get_user_page(*before), gup::clean); // nobody's any more

    gup::put_page(std::move(*before));
    s.names.insert(20, gup::get_page(s.pool));
    const auto next = gup::find_get_page(s.names, 20); // by what was the other's proxy
    gup::put_user_page(gup::get_user_page(*next), gup::clean);
}

TEST_CASE("a page that cannot be copied is refused, and stays shared") {
    space_scene s(1);
    space snapshot;
    s.names.share(10, snapshot, 7);
    const auto full = failure_of([&] { static_cast<void>(gup::find_get_user_page(s.names, 10)); });
    CHECK(full.code == std::errc::no_buffer_space);
    CHECK(full.message().find("give the space a pool") != std::string::npos);
    const auto none = failure_of([&] { static_cast<void>(gup::find_get_user_page(snapshot, 7)); });
    CHECK(none.code == std::errc::no_buffer_space);
    auto large = pool_of(2, 8192);
    space other(large);
    s.names.share(10, other, 1);
    CHECK(failure_of([&] { static_cast<void>(gup::find_get_user_page(other, 1)); }).code ==
          std::errc::no_buffer_space);
    CHECK_FALSE(gup::page_maybe_dma_pinned(*gup::find_get_page(s.names, 10)));
    CHECK(page_under(snapshot, 7) == page_under(s.names, 10));
}

TEST_CASE("the fast way takes what is published and nothing else") {
    space_scene s;
    CHECK_FALSE(gup::get_user_page_fast(s.names, 10).has_value()); // no proxy yet
    const auto* const proxy = proxy_under(s.names, 10);
    auto pinned = gup::get_user_page_fast(s.names, 10);
    REQUIRE(pinned.has_value());
    CHECK(gup::find_page_proxy(*pinned) == proxy);
    gup::put_user_page(std::move(*pinned), gup::clean);
    CHECK_FALSE(gup::get_user_page_fast(s.names, 11).has_value());

    space snapshot;
    s.names.share(10, snapshot, 7);
    CHECK_FALSE(gup::get_user_page_fast(s.names, 10).has_value()); // it would have to be copied
    CHECK_FALSE(gup::page_maybe_dma_pinned(*gup::find_get_page(s.names, 10)));
    auto reader = gup::get_user_page_fast<gup::dma_access::read>(s.names, 10);
    REQUIRE(reader.has_value());
    gup::put_user_page(std::move(*reader));
    CHECK(s.names.remove(10));
    CHECK_FALSE(gup::get_user_page_fast<gup::dma_access::read>(s.names, 10).has_value());
}

TEST_CASE("a source of the user's is asked if nothing is published, and its proxy is published") {
    source_log log; // the space keeps the source
    space_scene s;
    const auto page = gup::get_page(s.pool);
    s.names.insert(3, page);
    {
        auto source = gup::make_source<pretended_source>(page, log);
        const auto found = gup::find_get_page(s.names, 3, *source);
        CHECK(gup::page_mapping(*found) == gup::typed_pointer(&*source));
        CHECK(gup::find_page_proxy(*found) == proxy_under(s.names, 3));
        static_cast<void>(gup::find_get_page(s.names, 3, *source).value().size());
        CHECK(log.made == 1);
        const auto wrong = failure_of([&] { static_cast<void>(gup::find_get_page(s.names, 10, *source)); });
        CHECK(wrong.code == std::errc::invalid_argument);
        CHECK(log.released == 1); // the proxy in front of another page
        CHECK_FALSE(gup::find_get_page(s.names, 99, *source).has_value());
    }
    CHECK(log.destroyed == 0); // its proxy is published
    CHECK(s.names.remove(3));
    CHECK(log.released == 2);
    { const space gone(std::move(s.names)); }
    CHECK(log.destroyed == 1);
}

namespace {

/// A source that loses: while it makes its proxy, another way publishes one.
class slow_source : public gup::proxy_owner<slow_source, pretended> {
public:
    slow_source(space& names, const plain_ref& page) : names_(names), page_(gup::get_page(page)) {}
    plain_ref make(std::uint64_t index) {
        auto made = this->make_proxy(page_, {.index = index});
        winner = proxy_under(names_, index);
        return made;
    }
    void on_idle(gup::page_proxy&) noexcept {}
    void release(gup::page_proxy&) noexcept { ++released; }

    const gup::page_proxy* winner = nullptr;
    int released = 0;

private:
    space& names_;
    plain_ref page_;
};

} // namespace

TEST_CASE("of two proxies of one name the second goes back to its source") {
    space_scene s;
    auto source = gup::make_source<slow_source>(s.names, *gup::find_get_page(s.names, 10));
    CHECK(s.names.remove(10));
    const auto page = gup::get_page(s.pool);
    s.names.insert(11, page);
    auto slow = gup::make_source<slow_source>(s.names, page);

    const auto found = gup::find_get_page(s.names, 11, *slow);

    CHECK(gup::find_page_proxy(*found) == slow->winner);
    CHECK(slow->released == 1);
}

TEST_CASE("references outlive their space") {
    std::optional<space_scene> s(std::in_place);
    auto found = gup::find_get_page(s->names, 10);
    auto pinned = gup::find_get_user_page(s->names, 10);
    s->names = space(s->pool);
    CHECK(gup::page_index(*found) == 10);
    CHECK(s->used() == 1);
    gup::put_page(std::move(*found));
    pinned->bytes()[0] = std::byte{'z'};
    gup::put_user_page(std::move(*pinned), gup::dirty);
    CHECK(s->used() == 0);
}

TEST_CASE("a page is not pinned for writing through a name if its pool is for reading") {
    gup::page_pool<pretended, gup::dma_access::read> pool(pretended{}, small(2));
    space names;
    const auto page = gup::get_page(pool);
    names.insert(1, page);
    const auto refused = failure_of([&] { static_cast<void>(gup::find_get_user_page(names, 1)); });
    CHECK(refused.code == std::errc::permission_denied);
    CHECK_FALSE(gup::get_user_page_fast(names, 1).has_value());
    auto reader = gup::find_get_user_page<gup::dma_access::read>(names, 1);
    REQUIRE(reader.has_value());
    gup::put_user_page(std::move(*reader));
}

TEST_CASE("memory of the caller's has names, too") {
    pretended domain;
    private_pages memory(2);
    space names;
    {
        auto pinned = gup::get_user_pages(domain, memory.all());
        names.insert(5, pinned);
        gup::put_user_page(std::move(pinned), gup::clean);
    }
    CHECK(domain.log->releases == 0);
    auto found = gup::find_get_user_page(names, 5);
    CHECK(found->bytes().data() == memory.page(0));
    CHECK(found->size() == 8192);
    gup::put_user_page(std::move(*found), gup::clean);
    CHECK(names.remove(5));
    CHECK(domain.log->releases == 1);
}

TEST_CASE("spaces of a local domain count without atomics") {
    using domain = gup::local<pretended>;
    gup::page_pool pool{domain{}, {.pages = 4}};
    gup::address_space<domain> names(pool);
    names.insert(1, gup::get_page(pool));
    names.share(1, names, 2);
    auto pinned = gup::find_get_user_page(names, 1);
    CHECK(&gup::page_descriptor(*pinned) != &gup::page_descriptor(*gup::find_get_page(names, 2)));
    gup::put_user_page(std::move(*pinned), gup::dirty);
    CHECK(names.remove(1));
    CHECK(names.remove(2));
    CHECK(pool.stats().free == 4);
}

TEST_CASE("many names are found again, after growth and removals") {
    auto pool = pool_of(4);
    space names;
    const auto page = gup::get_page(pool);
    for (std::uint64_t i = 0; i < 3000; ++i) names.insert(i * 4096, page);
    for (std::uint64_t i = 0; i < 3000; i += 2) CHECK(names.remove(i * 4096));
    CHECK(names.size() == 1500);
    for (std::uint64_t i = 0; i < 3000; ++i)
        if (gup::find_get_page(names, i * 4096).has_value() != (i % 2 == 1)) FAIL("index " << i);
}

TEST_CASE("a forked child finds nothing and takes nothing away") {
    space_scene s;
    static_cast<void>(gup::find_get_page(s.names, 10).value().size());
    const auto child = in_child([&] {
        if (gup::find_get_page(s.names, 10) || gup::get_user_page_fast(s.names, 10)) return 1;
        if (s.names.size() != 0 || !s.names.dirty_pages().empty()) return 2;
        if (!what_of([&] { s.names.remove(10); }).empty()) {
            const space gone(std::move(s.names));
        }
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(s.first_byte(s.names, 10) == 'a');
    const auto sharing = in_child([&] {
        space_scene own;
        return what_of([&] { own.names.share(10, s.names, 11); }).empty() ? 1 : 0;
    });
    CHECK(sharing.exited_with(0));
}
