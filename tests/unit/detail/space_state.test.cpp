// SPDX-License-Identifier: BSL-1.0
// What other threads could do in the middle of a copy, done there by the pool that the copy comes from.
#include "gup/detail/space_state.hpp"

#include "gup/address_space.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/proxies.hpp"

#include <cstdint>
#include <functional>
#include <utility>

using namespace gup_test;

namespace {

using state = gup::detail::space_state<pretended>;

/// A space whose names 0 and 1 share a page of this letter, and what happens when one of them is copied.
struct copy_scene {
    copy_scene() {
        auto page = gup::get_page(pool);
        page.bytes()[0] = std::byte{'a'};
        space->insert(0, gup::detail::reference_access::word(page));
        gup::put_page(std::move(page));
        space->share(0, *space, 1);
    }
    ~copy_scene() { space->close(); }

    static gup::maybe<plain_ref> get(void* scene) noexcept {
        auto& s = *static_cast<copy_scene*>(scene);
        if (s.meanwhile) std::exchange(s.meanwhile, nullptr)();
        return gup::try_get_page(s.pool);
    }
    gup::maybe<writer_ref> pin(std::uint64_t index) {
        return space->find_pinned<gup::dma_access::read_write>(
            index, [&](std::uint64_t i) { return space->find(i); });
    }
    std::byte letter(std::uint64_t index) {
        const auto found = space->find(index);
        return found.bytes()[0];
    }

    pretended_pool pool = pool_of(4);
    std::function<void()> meanwhile{};
    gup::source_handle<state> space{std::in_place, gup::detail::copy_source<pretended>{this, &get}};
};

} // namespace

TEST_CASE("nobody writes to a page while it is copied, whatever becomes of its other names") {
    copy_scene s;
    bool written = false;
    s.meanwhile = [&] {
        s.space->remove(1); // name 0 is the only one now
        if (auto pinned = s.space->try_find_pinned<gup::dma_access::read_write>(0)) {
            pinned.bytes()[0] = std::byte{'b'};
            gup::put_user_page(std::move(pinned), gup::dirty);
            written = true;
        }
        s.space->share(0, *s.space, 2);
    };
    auto pinned = s.pin(0);
    CHECK_FALSE(written);
    CHECK(pinned->bytes()[0] == s.letter(2)); // or what was written would be lost to name 0
    CHECK(gup::page_to_pfn(*pinned) != gup::page_to_pfn(s.space->find(2)));
    gup::put_user_page(std::move(*pinned), gup::clean);
}

TEST_CASE("a page whose other names went while it was copied is not copied after all") {
    copy_scene s;
    const auto before = gup::page_to_pfn(s.space->find(0));
    s.meanwhile = [&] { s.space->remove(1); };
    auto pinned = s.pin(0);
    CHECK(gup::page_to_pfn(*pinned) == before);
    CHECK(s.pool.stats().free == 3);
    gup::put_user_page(std::move(*pinned), gup::clean);
    CHECK(s.pin(0).has_value()); // nothing holds the page any more
}

TEST_CASE("a name that went while its page was copied finds nothing, and the copy goes") {
    copy_scene s;
    s.meanwhile = [&] { s.space->remove(0); };
    auto pinned = s.pin(0);
    CHECK_FALSE(pinned);
    CHECK(s.letter(1) == std::byte{'a'});
    CHECK(s.pool.stats().free == 3);
}

TEST_CASE("a name that was given another page while its old one was copied pins that page") {
    copy_scene s;
    s.space->share(1, *s.space, 2); // the old page has several names still
    auto other = gup::get_page(s.pool);
    other.bytes()[0] = std::byte{'b'};
    const auto pfn = gup::page_to_pfn(other);
    s.meanwhile = [&] {
        s.space->remove(0);
        s.space->insert(0, gup::detail::reference_access::word(other));
        gup::put_page(std::move(other));
    };
    auto pinned = s.pin(0);
    CHECK(gup::page_to_pfn(*pinned) == pfn);
    CHECK(s.letter(0) == std::byte{'b'});
    CHECK(s.letter(1) == std::byte{'a'});
    CHECK(s.pool.stats().free == 2);
    gup::put_user_page(std::move(*pinned), gup::clean);
}

TEST_CASE("a proxy whose name went, or was given another page, while it was made is not published") {
    source_log log; // the sources write to it until the space is closed
    copy_scene s;
    s.space->share(0, *s.space, 5); // to find their page by another name
    const auto other = gup::get_page(s.pool);
    const auto old_source = gup::make_source<pretended_source>(s.space->find(5), log);
    const auto new_source = gup::make_source<pretended_source>(other, log);
    auto found = s.space->find(0, [&](std::uint64_t index, const plain_ref&) {
        s.space->remove(0);
        return old_source->make(index);
    });
    CHECK_FALSE(static_cast<bool>(found));

    int made = 0;
    found = s.space->find(1, [&](std::uint64_t index, const plain_ref&) {
        if (++made > 1) return new_source->make(index);
        s.space->remove(1);
        s.space->insert(1, gup::detail::reference_access::word(other));
        return old_source->make(index);
    });
    CHECK(made == 2);
    CHECK(gup::page_to_pfn(found) == gup::page_to_pfn(other));
}

TEST_CASE("a pin of a name that went, or was given another page, before a second look is given back") {
    copy_scene s;
    const auto pin_and = [&](std::uint64_t name, std::function<void()> meanwhile) {
        return s.space->find_pinned<gup::dma_access::read_write>(name, [&](std::uint64_t index) {
            auto found = s.space->find(index);
            if (meanwhile) std::exchange(meanwhile, nullptr)();
            return found;
        });
    };
    const auto gone = pin_and(0, [&] { s.space->remove(0); });
    CHECK_FALSE(static_cast<bool>(gone));
    CHECK(s.pool.stats().pinned == 0);

    s.space->share(1, *s.space, 2); // the page still has one name afterwards
    const auto other = gup::get_page(s.pool);
    const auto renamed = pin_and(1, [&] {
        s.space->remove(1);
        s.space->insert(1, gup::detail::reference_access::word(other));
    });
    CHECK(gup::page_to_pfn(renamed) == gup::page_to_pfn(other));
    CHECK(s.pool.stats().pinned == 1);
}

TEST_CASE("a failed write-back marks the page, also if its name has gone, and what that has instead") {
    copy_scene s;
    const auto page = s.space->find(0);
    gup::page& frozen = gup::detail::page_of(gup::detail::reference_access::word(page));
    s.space->set_dirty(0, frozen);
    CHECK(gup::page_dirty(page));
    gup::detail::page_access::clear_dirty(frozen);
    auto pinned = s.pin(0); // which gives it a copy
    gup::put_user_page(std::move(*pinned), gup::clean);
    s.space->set_dirty(0, frozen);
    CHECK(gup::page_dirty(page));
    CHECK(gup::page_dirty(s.space->find(0)));
    gup::detail::page_access::clear_dirty(frozen);
    s.space->remove(0);
    s.space->set_dirty(0, frozen);
    CHECK(gup::page_dirty(page));
}

TEST_CASE("no free page is no error if none is needed any more") {
    copy_scene s;
    const auto all = gup::get_user_pages(s.pool, 3);
    s.meanwhile = [&] { s.space->remove(1); };
    CHECK(s.pin(0).has_value());
}

TEST_CASE("a page dirtied while it was copied makes its copy dirty") {
    copy_scene s;
    s.meanwhile = [&] { gup::set_page_dirty(s.space->find(0)); };
    auto pinned = s.pin(0);
    CHECK(gup::page_dirty(*pinned));
    gup::put_user_page(std::move(*pinned), gup::clean);
}

TEST_CASE("a shared page that is pinned to write by other ways is refused in the end, and not copied") {
    copy_scene s;
    const auto found = s.space->find(0);
    auto pinned =
        gup::detail::reference_access::make<writer_ref>(gup::detail::add_pin<gup::detail::shared_counting>(
            gup::detail::reference_access::word(found), gup::detail::reference_kind::writer));
    CHECK(failure_of([&] { static_cast<void>(s.pin(0)); }).code == std::errc::device_or_resource_busy);
    CHECK(s.pool.stats().free == 3);
    gup::put_user_page(std::move(pinned), gup::clean);
    CHECK(s.pin(0).has_value());
    CHECK(s.pool.stats().free == 2);
}
