// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/shared_part_index.hpp"

#include "gup_test/catch.hpp"

#include <algorithm>
#include <list>
#include <rapidcheck.h>
#include <tuple>
#include <vector>

using gup::detail::shared_part;

namespace {

struct owner {
    int number;
};
using index_type = gup::detail::shared_part_index<owner>;

} // namespace

TEST_CASE("parts overlap if they have a byte of a file in common") {
    const shared_part part{1, 5, 0x2000, 0x2000};
    CHECK(overlap(part, {1, 5, 0x3000, 0x1000}));
    CHECK(overlap(part, {1, 5, 0, 0x10000}));
    CHECK_FALSE(overlap(part, {1, 5, 0x4000, 0x1000}));
    CHECK_FALSE(overlap(part, {1, 5, 0x1000, 0x1000}));
    CHECK_FALSE(overlap(part, {2, 5, 0x2000, 0x2000}));
    CHECK_FALSE(overlap(part, {1, 6, 0x2000, 0x2000}));
}

TEST_CASE("the search for owners of overlapping parts ends with the first that is wanted") {
    index_type index;
    owner one{1}, two{2};
    index_type::entry first({1, 5, 0, 0x1000}, one), second({1, 5, 0, 0x1000}, two);
    index.insert(first);
    index.insert(second);
    int seen = 0;
    CHECK(index.find_overlapping({1, 5, 0, 0x1000}, [&](const owner&) { return ++seen == 2; }) != nullptr);
    CHECK(seen == 2);
    CHECK(index.find_overlapping({1, 5, 0, 0x1000}, [](const owner&) { return false; }) == nullptr);
    index.erase(first);
    CHECK(index.find_overlapping({1, 5, 0, 0x1000}, [](const owner&) { return true; }) == &two);
    index.erase(second);
}

TEST_CASE("the owners of overlapping parts are those that a look at all of them finds") {
    using numbers = std::tuple<bool, unsigned, unsigned, unsigned>;
    CHECK(rc::check("parts in an index against a list", [](const std::vector<numbers>& steps) {
        index_type index;
        owner any{0};
        std::list<index_type::entry> all;
        for (const auto& [adds, file, at, size] : steps) {
            const shared_part part{file % 2, file / 2 % 2, at % 64, 1 + size % (size % 3 == 0 ? 40 : 4)};
            int found = 0;
            const auto overlapping = std::count_if(
                all.begin(), all.end(), [&](const index_type::entry& e) { return overlap(e.part, part); });
            index.find_overlapping(part, [&](const owner&) { return ++found, false; });
            RC_ASSERT(found == overlapping);
            if (adds || all.empty()) {
                index.insert(all.emplace_back(part, any));
            } else {
                index.erase(all.front());
                all.pop_front();
            }
        }
        for (auto& left : all) index.erase(left);
    }));
}
