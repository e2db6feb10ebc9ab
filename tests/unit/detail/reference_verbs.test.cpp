// SPDX-License-Identifier: BSL-1.0
// The hint in a reference that it is the first one to its page, and what becomes of it.
#define GUP_LINEAR_AT_RUN_TIME // the checks of a test may throw
#include "gup/detail/reference_verbs.hpp"

#include "gup/caller_memory.hpp"
#include "gup/device_operations.hpp"
#include "gup/dynamic_page.hpp"
#include "gup/linear.hpp"
#include "gup/local.hpp"
#include "gup/tracked.hpp"

#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/proxies.hpp"
#include "gup_test/tracked.hpp"
#include "gup_test/vfio_scene.hpp"

#include <array>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

using namespace gup_test;
using gup::dma_access;
using gup::detail::reference_access;
using gup::detail::reference_word;

namespace {

template <class Ref>
bool is_first(const Ref& ref) {
    return (reference_access::word(ref) & reference_word::first_tag) != 0;
}
template <class Ref>
bool is_first(const gup::linear<Ref>& ref) {
    return (gup::detail::linear_access::held(ref) & reference_word::first_tag) != 0;
}

/// A pool whose pages are in this thread's cache, but for one that the test has.
struct scene {
    pretended_pool pool = pool_of(8);
    writer_ref page = gup::get_user_page(pool);

    std::size_t out() { return 8 - pool.stats().free; }
    /// How many pages are where only a thread with a cache puts them.
    std::size_t cached() const {
        const auto* const mine = gup::detail::this_thread_magazines.current.load();
        return mine != nullptr ? mine->count.load() : 0;
    }
};

/// Makes proxies in front of a page that is pinned.
class pinned_source : public gup::proxy_owner<pinned_source, pretended> {
public:
    explicit pinned_source(writer_ref pinned) : page(std::move(pinned)) {}
    plain_ref make(std::uint64_t index) { return make_proxy(page, {.index = index}); }
    void on_idle(gup::page_proxy&) noexcept {}
    void release(gup::page_proxy&) noexcept {}

    writer_ref page;
};

} // namespace

TEST_CASE("the first pin that a pool gives of a page says so, however it is got") {
    scene s;
    CHECK(is_first(s.page));
    CHECK(is_first(*gup::try_get_user_page(s.pool)));
    auto many = gup::get_user_pages(s.pool, 3);
    for (const auto& ref : many) CHECK(is_first(ref));
    gup::get_user_pages(s.pool, std::span(many)); // of references that hold pages
    for (const auto& ref : many) CHECK(is_first(ref));
    gup::page_pool<pretended, dma_access::read> readable(pretended{}, small(1));
    CHECK(is_first(gup::get_user_page(readable)));
}

TEST_CASE("no other reference says that it is the first") {
    scene s;
    CHECK_FALSE(is_first(gup::get_page(s.pool))); // it may get names, which are compared
    CHECK_FALSE(is_first(gup::get_user_page(gup::get_page(s.pool))));
    CHECK_FALSE(is_first(*gup::find_get_page(s.pool, s.page.bytes().data())));

    gup::page_pool local(gup::local<pretended>{}, small(1));
    CHECK_FALSE(is_first(gup::get_user_page(local)));
    auto tracked = tracked_pool_of(1);
    CHECK_FALSE(is_first(gup::get_user_page(tracked)));
    pretended domain;
    private_pages memory(1);
    CHECK_FALSE(is_first(gup::get_user_pages(domain, memory.all())));
}

TEST_CASE("a reference beside a first one is none, and either may go first") {
    using maker = std::function<void(writer_ref&, bool)>;
    const auto both = [](writer_ref& first, auto second, bool second_goes_first) {
        CHECK(is_first(first));
        CHECK_FALSE(is_first(second));
        CHECK(gup::page_to_pfn(first) == gup::page_to_pfn(second));
        if (second_goes_first) second = {};
        first = {};
    };
    const std::array<maker, 4> makers{
        [&](writer_ref& first, bool goes) { both(first, gup::ref_user_page(first), goes); },
        [&](writer_ref& first, bool goes) {
            both(first, gup::ref_user_page<dma_access::read_write>(first), goes);
        },
        [&](writer_ref& first, bool goes) {
            both(first, gup::ref_user_page<dma_access::to_device>(first), goes);
        },
        [&](writer_ref& first, bool goes) { both(first, gup::ref_user_page<dma_access::read>(first), goes); },
    };
    for (const maker& make : makers)
        for (const bool second_goes_first : {false, true}) {
            scene s;
            make(s.page, second_goes_first);
            CHECK(s.out() == 0);
            CHECK(s.pool.stats().pinned == 0);
            CHECK(gettable(s.pool) == 8);
        }
}

TEST_CASE("a linear reference has the hint of what it is made of, and one beside it has none") {
    scene s;
    gup::linear first{std::move(s.page)};
    gup::linear second = gup::ref_user_page(first);
    gup::linear third = gup::ref_user_page<dma_access::read>(first);

    CHECK(is_first(first));
    CHECK_FALSE(is_first(second));
    CHECK_FALSE(is_first(third));
    CHECK(first.bytes().data() == third.bytes().data());
    gup::put_user_page(std::move(first), gup::dirty);
    CHECK(s.out() == 1);
    gup::put_user_page(std::move(second), gup::clean);
    gup::put_user_page(std::move(third));
    CHECK(s.out() == 0);

    gup::put_user_page(gup::linear(gup::get_user_page(s.pool)), gup::dirty);
    CHECK(is_first(gup::linear(gup::get_user_page(s.pool)).relax()));
    CHECK(s.out() == 0);
}

TEST_CASE("the hint is on no way to the page") {
    scene s;
    auto beside = gup::ref_user_page(s.page);

    CHECK(is_first(s.page) != is_first(beside));
    CHECK(s.page.bytes().data() == beside.bytes().data());
    CHECK(s.page.size() == beside.size());
    CHECK(gup::page_to_pfn(s.page) == gup::page_to_pfn(beside));
    CHECK(gup::unchecked_page_to_pfn(s.page) == gup::page_to_pfn(beside));
    CHECK(&gup::page_descriptor(s.page) == &gup::page_descriptor(beside));
    CHECK(gup::page_mapping(s.page) == gup::page_mapping(beside));
    CHECK(gup::page_index(s.page) == gup::page_index(beside));
    CHECK_FALSE(gup::page_proxied(s.page));
    CHECK(gup::find_dynamic_page(s.page) == nullptr);
    CHECK(gup::page_maybe_dma_pinned(s.page));
    gup::set_page_dirty(s.page);
    CHECK(gup::page_dirty(beside));
    CHECK(s.pool.find(s.page.bytes().data()) == &gup::page_descriptor(beside));
}

TEST_CASE("the only pin of a page puts it into its thread's cache, however it goes") {
    using way = std::function<void(writer_ref)>;
    const std::array<way, 6> ways{
        [](writer_ref ref) { gup::put_user_page(std::move(ref), gup::clean); },
        [](writer_ref ref) { gup::put_user_page(std::move(ref), gup::dirty); },
        [](const writer_ref&) {},
        [](writer_ref ref) { ref = writer_ref(); },
        [](writer_ref ref) { std::optional<writer_ref>(std::move(ref)).reset(); },
        [](writer_ref ref) { gup::put_user_pages(std::span(&ref, 1), gup::dirty); },
    };
    for (const way& go : ways) {
        scene s;
        const std::size_t cached = s.cached();
        go(std::move(s.page));

        CHECK(s.cached() == cached + 1);
        CHECK(s.out() == 0);
        CHECK(s.pool.stats().pinned == 0);
        const auto again = gup::get_user_page(s.pool);
        CHECK_FALSE(gup::page_dirty(again));
    }
}

TEST_CASE("a first pin that is not the only one leaves the page as it is told") {
    for (const auto decision : {gup::clean, gup::dirty}) {
        scene s;
        const auto beside = gup::ref_user_page<dma_access::read>(s.page);
        gup::put_user_page(std::move(s.page), decision);

        CHECK(s.out() == 1);
        CHECK(s.pool.stats().pinned == 1);
        CHECK(gup::page_dirty(beside) == (decision == gup::dirty));
    }
    scene s;
    const auto beside = gup::ref_user_page<dma_access::read>(s.page);
    s.page = {};
    CHECK(gup::page_dirty(beside));
}

TEST_CASE("the only pin of a page goes on a thread without a cache, and when its pool is closed") {
    scene s;
    on_another_thread([&] { gup::put_user_page(std::move(s.page), gup::dirty); });
    CHECK(s.out() == 0);

    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(2));
    auto last = gup::get_user_page(*pool);
    pool.reset();
    CHECK(domain.log->releases == 0);
    last = {};
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a proxy of a page with a first pin counts on its own") {
    auto pool = pool_of(1);
    const auto source = gup::make_source<pinned_source>(gup::get_user_page(pool));
    const std::byte* const address = source->page.bytes().data();
    {
        auto made = source->make(3);
        const auto pin = gup::get_user_page(made);
        CHECK(is_first(source->page));
        CHECK_FALSE(is_first(made));
        CHECK_FALSE(is_first(pin));
        CHECK(pin.bytes().data() == address);
        source->page = {};
        CHECK(pool.stats().free == 0);
    }
    CHECK(pool.stats().free == 1);
}

TEST_CASE("an operation gives back the very reference that it was given") {
    vfio_pool_scene s;
    auto page = gup::get_user_page(s.pool);
    const std::uintptr_t word = reference_access::word(page);
    CHECK(is_first(page));

    auto operation = gup::start_dma_from_device(std::move(page), 5);
    CHECK(gup::iova(operation) != 0);
    page = gup::complete(std::move(operation), 5);

    CHECK(reference_access::word(page) == word);
    CHECK(gup::page_dirty(page));
    const std::size_t free = s.pool.stats().free;
    page = {};
    CHECK(s.pool.stats().free == free + 1);
}

TEST_CASE("a first pin whose bytes were copied is found out when the second of them goes") {
#ifdef NDEBUG // a put looks in other builds only
    constexpr std::array ways{true};
#else
    constexpr std::array ways{false, true};
#endif
    for (const bool by_destructor : ways) {
        const auto child = in_child([=] {
            scene s;
            alignas(writer_ref) std::array<std::byte, sizeof(writer_ref)> copy{};
            std::memcpy(copy.data(), static_cast<void*>(&s.page), sizeof copy);
            gup::put_user_page(std::move(s.page), gup::clean);
            auto& second = *reinterpret_cast<writer_ref*>(copy.data());
            if (by_destructor)
                second.~user_page_ref();
            else
                gup::put_user_page(std::move(second), gup::clean);
            return 0;
        });
        CHECK(contains(child.said, "nobody counted"));
    }
}
