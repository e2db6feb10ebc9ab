// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/iova/address_node.hpp"

#include "gup_test/catch.hpp"

#include <cstdint>
#include <memory>

using gup::detail::bias_word;

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t unit = std::uint64_t{1} << 21;
constexpr std::uint64_t all = unit << 9;
constexpr bias_word one = gup::detail::bias_word_of(5 * page);
constexpr bias_word other = gup::detail::bias_word_of(6 * page);

/// Units of 2 MiB, and what is below.
class tree {
public:
    tree() = default;
    tree(const tree&) = delete;
    tree& operator=(const tree&) = delete;
    ~tree() { root_->delete_below({0, all - 1}); }

    bool replace(std::uint64_t first, std::uint64_t bytes, bias_word from, bias_word to) {
        const gup::detail::address_range range{first, first + bytes - 1};
        root_->reserve(range.first, range.last);
        return root_->replace(range, range, from, to);
    }
    void set_pages(std::uint64_t first, std::uint64_t bytes, bias_word to) {
        for (std::uint64_t at = first; at < first + bytes; at += page) REQUIRE(replace(at, page, 0, to));
    }
    bias_word find(std::uint64_t address) const { return root_->find(address); }
    bool shows_parts(std::uint64_t address) const { return (find(address) & gup::detail::of_parts) != 0; }

private:
    using node = gup::detail::address_node<21>;
    std::unique_ptr<node> root_{new node()};
};

} // namespace

TEST_CASE("a unit whose pages all have one bias shows it, until one of them has none or another") {
    tree t;
    t.set_pages(unit, unit - page, one);
    CHECK(t.find(unit) == one);
    t.set_pages(2 * unit - page, page, one);
    for (const std::uint64_t at : {unit, unit + 7 * page, 2 * unit - 1}) {
        CHECK(t.shows_parts(at));
        CHECK(gup::detail::bias_of(t.find(at)) == 5 * page);
    }
    SECTION("none") {
        CHECK(t.replace(unit + page, page, one, 0));
        CHECK(t.find(unit + page) == 0);
        CHECK(t.find(unit) == one);
        t.set_pages(unit + page, page, one);
        CHECK(t.shows_parts(unit));
    }
    SECTION("another") {
        CHECK(t.replace(unit + page, page, one, other));
        CHECK(t.find(unit + page) == other);
        CHECK(t.find(unit) == one);
    }
    SECTION("all another, at once or over a border") {
        CHECK(t.replace(unit, unit - page, one, other));
        CHECK(t.replace(2 * unit - page, page, one, other));
        CHECK(t.shows_parts(unit));
        CHECK(gup::detail::bias_of(t.find(unit)) == 6 * page);
    }
    SECTION("the unit itself is mapped, and no longer") {
        CHECK(t.replace(unit, unit, 0, other));
        CHECK(t.find(unit) == other);
        CHECK(t.replace(unit, page, one, 0)); // below
        CHECK(t.find(unit) == other);
        CHECK(t.replace(unit, unit, other, 0));
        CHECK(t.find(unit) == 0);
        CHECK(t.find(unit + page) == one);
    }
    SECTION("the unit itself is mapped and unmapped with all pages below") {
        CHECK(t.replace(unit, unit, 0, other));
        CHECK(t.replace(unit, unit, other, 0));
        CHECK(t.shows_parts(unit));
    }
}

TEST_CASE("what a unit shows of its pages is nothing that could be replaced in it") {
    tree t;
    t.set_pages(0, unit, one);
    REQUIRE(t.shows_parts(0));
    CHECK_FALSE(t.replace(0, unit, one, other));
    CHECK(gup::detail::bias_of(t.find(0)) == 5 * page);
    CHECK_FALSE(t.replace(page, page, 0, other));
    CHECK(t.shows_parts(0));
}

TEST_CASE("a unit of different pages shows none") {
    tree t;
    t.set_pages(0, page, other);
    t.set_pages(page, unit - page, one);
    CHECK(t.find(0) == other);
    CHECK(t.find(page) == one);
    CHECK(t.find(all - page) == 0);
}
