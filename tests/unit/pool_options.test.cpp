// SPDX-License-Identifier: BSL-1.0
#include "gup/pool_options.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace gup_test;

namespace {

/// The failure of a pool that cannot be made.
gup::pin_failure refused(gup::pool_options options) {
    pretended domain;
    gup::pin_failure failure;
    CHECK_FALSE(pretended_pool::try_make(domain, options, failure).has_value());
    CHECK(domain.log->pins == 0);
    CHECK(failure.code == std::errc::invalid_argument);
    return failure;
}

} // namespace

TEST_CASE("a page size that is no power of two from 4096 to 1 GiB is refused") {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{2048}, std::size_t{4095}, std::size_t{4097},
          std::size_t{12288}, std::size_t{1} << 31, SIZE_MAX, std::size_t{1} << 63}) {
        const auto failure = refused({.page_size = size, .pages = 1});
        CHECK(failure.remedy == "page_size must be a power of two from 4096 bytes to 1 GiB");
        CHECK(std::string(failure.call) == "page_pool");
    }
}

TEST_CASE("a pool of no pages is refused") {
    CHECK(refused({}).remedy == "a pool needs at least one page: set pool_options::pages");
}

TEST_CASE("more pages than the address space holds are refused before anything is computed with them") {
    const char* const message = "page_size times pages is more than the address space holds";
    CHECK(refused({.page_size = 4096, .pages = SIZE_MAX}).remedy == message);
    CHECK(refused({.page_size = 4096, .pages = (std::size_t{1} << 35) + 1}).remedy == message);
    CHECK(refused({.page_size = std::size_t{1} << 30, .pages = std::size_t{1} << 34}).remedy == message);
    CHECK(refused({.page_size = 4096, .pages = std::size_t{1} << 52}).remedy == message); // 2^64 bytes
}

TEST_CASE("what only the kernel can refuse is refused with the call that failed") {
    pretended domain;
    gup::pin_failure failure;

    const bool made = pretended_pool::try_make(
                          domain, {.page_size = std::size_t{1} << 30, .pages = std::size_t{1} << 17}, failure)
                          .has_value();

    CHECK_FALSE(made);
    CHECK(std::string(failure.call) == "mmap");
    CHECK(domain.log->pins == 0);
}

TEST_CASE("a pool can be made of pages of every size") {
    for (unsigned shift = 12; shift <= 30; ++shift) {
        const std::size_t size = std::size_t{1} << shift;
        pretended_pool pool(pretended{}, {.page_size = size, .pages = 2});

        auto refs = gup::get_user_pages(pool, 2);

        REQUIRE(refs[0].size() == size);
        const auto distance = refs[0].bytes().data() - refs[1].bytes().data();
        CHECK(static_cast<std::size_t>(std::abs(distance)) == size);
        refs[0].bytes().back() = std::byte{1};
        refs[1].bytes().front() = std::byte{1};
        CHECK(pool.stats().bytes_registered == 2 * size);
        gup::put_user_pages(std::move(refs), gup::clean);
        CHECK(pool.stats().free == 2);
    }
}

TEST_CASE("a pool of more pages than one zone holds spreads over several") {
    constexpr std::size_t pages = 300'000;
    STATIC_REQUIRE(pages > gup::zone::max_pages);
    auto pool = pool_of(pages);

    auto refs = gup::get_user_pages(pool, pages);

    const std::byte* first = refs[0].bytes().data();
    for (const auto& ref : refs) first = std::min<const std::byte*>(first, ref.bytes().data());
    std::vector<bool> seen(pages);
    for (const auto& ref : refs) seen[static_cast<std::size_t>(ref.bytes().data() - first) / 4096] = true;
    CHECK(std::count(seen.begin(), seen.end(), true) == static_cast<std::ptrdiff_t>(pages));
    for (const std::size_t place :
         {std::size_t{0}, gup::zone::max_pages - 1, gup::zone::max_pages, pages - 1}) {
        const auto found = gup::find_get_page(pool, first + place * 4096 + 5);
        REQUIRE(found.has_value());
        CHECK(found->bytes().data() == first + place * 4096);
    }
    CHECK_FALSE(gup::find_get_page(pool, first + pages * 4096).has_value());
    gup::put_user_pages(std::move(refs), gup::clean);
    CHECK(pool.stats().free == pages);
}

TEST_CASE("a pool is of the kind of memory that was asked for") {
    for (const auto kind : {gup::memory_kind::small_pages, gup::memory_kind::memfd}) {
        pretended_pool pool(pretended{}, {.pages = 3, .memory = kind});
        auto ref = gup::get_user_page(pool);
        ref.bytes()[0] = std::byte{1};

        CHECK(pool.stats().memory == kind);
    }
    pretended_pool little(pretended{}, {.pages = 1});
    CHECK(little.stats().memory == gup::memory_kind::small_pages);
}
