// SPDX-License-Identifier: BSL-1.0
// What data can drive: more names, proxies and references to one page than it has counts for.
#include "gup/address_space.hpp"

#include "gup/caller_memory.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/proxies.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <vector>

using namespace gup_test;

namespace {

constexpr std::uint64_t most_names = gup::address_space<pretended>::most_names;
constexpr std::size_t crowd = 3U << 19;

bool is_crowded(const gup::pin_failure& failure) {
    INFO(failure.message());
    return failure.code.value() == EMLINK && !failure.remedy.empty();
}

/// As many references of the program's own as make a crowd.
std::vector<plain_ref> crowd_of(const plain_ref& page) {
    std::vector<plain_ref> refs;
    refs.reserve(crowd);
    while (refs.size() + 1 < crowd) refs.push_back(gup::get_page(page));
    return refs;
}

} // namespace

TEST_CASE("a page takes half a million names, each with its proxy, and refuses one more") {
    auto pool = pool_of(3);
    gup::address_space<pretended> names(pool), others(pool);
    auto page = gup::get_page(pool);
    names.insert(0, page);
    for (std::uint64_t index = 1; index < most_names; ++index) names.share(index - 1, names, index);
    for (std::uint64_t index = 0; index < most_names; ++index)
        if (!gup::find_get_page(names, index)) FAIL("a name is not found");

    CHECK(is_crowded(failure_of([&] { names.share(7, others, 0); })));
    CHECK(is_crowded(failure_of([&] { others.insert(0, page); })));
    CHECK(others.size() == 0);
    others.insert(0, gup::get_page(pool)); // a copy has names of its own
    CHECK(names.remove(5));
    names.share(6, names, 5);
    CHECK(names.size() == most_names);
}

TEST_CASE("what a program holds itself counts among what data may add") {
    auto pool = pool_of(2);
    auto page = gup::get_page(pool);
    source_log log;
    auto source = gup::make_source<pretended_source>(page, log);
    gup::address_space<pretended> names(pool);
    {
        const auto refs = crowd_of(page);
        CHECK(is_crowded(failure_of([&] { names.insert(1, page); })));
        CHECK(is_crowded(failure_of([&] { static_cast<void>(source->make(1)); })));
        CHECK_FALSE(gup::find_get_page(pool, page.bytes().data()).has_value());
        CHECK(names.size() == 0);
        CHECK(log.made == 0);
    }
    names.insert(1, page);
    CHECK(gup::find_get_page(pool, page.bytes().data()).has_value());
}

TEST_CASE("a name is found a million and a half times at once and then refused, either way") {
    auto pool = pool_of(2);
    gup::address_space<pretended> names(pool);
    names.insert(1, gup::get_page(pool));
    std::vector<plain_ref> found;
    std::vector<reader_ref> pins;
    found.reserve(crowd);
    pins.reserve(crowd);
    const auto find = [&] { found.push_back(gup::find_get_page(names, 1).value()); };
    const auto pin = [&] {
        pins.push_back(gup::find_get_user_page<gup::dma_access::read>(names, 1).value());
    };
    while (pins.size() < crowd) pin();
    CHECK_FALSE(gup::get_user_page_fast<gup::dma_access::read>(names, 1).has_value());
    CHECK(is_crowded(failure_of(pin)));
    find(); // references of another kind have a count of their own
    pins.clear();
    pin();

    while (found.size() + 3 < crowd) find(); // the name's own, that of the pin and the pin's
    for (int i = 0; i < 3 && what_of(find).empty(); ++i) {
    }
    CHECK(is_crowded(failure_of(find)));
    found.clear();
    find();
}

TEST_CASE("memory of the caller's is pinned a million and a half times and then refused") {
    pretended domain;
    private_pages memory(1);
    auto ref = gup::get_user_pages<gup::dma_access::read>(domain, memory.all());
    {
        std::vector<reader_ref> refs;
        refs.reserve(crowd);
        while (refs.size() + 1 < crowd) refs.push_back(gup::ref_user_page(ref));
        CHECK(is_crowded(failure_of(
            [&] { const auto more = gup::get_user_pages<gup::dma_access::read>(domain, memory.all()); })));
        CHECK_FALSE(gup::find_get_page(domain, memory.page(0)).has_value());
    }
    const auto again = gup::get_user_pages<gup::dma_access::read>(domain, memory.all());
    CHECK(domain.log->pins == 1);
}
