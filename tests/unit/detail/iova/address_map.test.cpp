// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/iova/address_map.hpp"

#include "gup_test/catch.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

using gup::detail::address_map;
using gup::detail::mapped_range;

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t base = 0x7f00'0000'0000;

mapped_range range(std::uint64_t first, std::uint64_t bytes, std::uint64_t bias) {
    return {first, first + (bytes - 1), bias};
}

/// A map, and how many mappings it has had.
class scene {
public:
    mapped_range set(std::uint64_t first, std::uint64_t bytes, std::uint64_t bias) {
        const mapped_range added = range(first, bytes, bias);
        map_->reserve(added.first, added.last, ++mappings_);
        map_->set(added);
        return added;
    }
    void clear(const mapped_range& removed) { map_->clear(removed); }
    std::optional<std::uint64_t> find(std::uint64_t address) const { return map_->find(address); }

private:
    std::unique_ptr<address_map> map_ = std::make_unique<address_map>();
    std::size_t mappings_ = 0;
};

} // namespace

TEST_CASE("every address of a mapping has its bias, and those around it have none") {
    const std::uint64_t first = GENERATE(as<std::uint64_t>{}, base, base + page, base + 2 * mib,
                                         base + 2 * mib - page, base + gib, base + gib - page, 0, page);
    const std::uint64_t bytes =
        GENERATE(as<std::uint64_t>{}, page, 2 * page, 2 * mib, 2 * mib + page, gib, gib + 2 * mib + page);
    scene map;
    const mapped_range mapped = map.set(first, bytes, 5 * page);
    for (const std::uint64_t within : {std::uint64_t{0}, std::uint64_t{1}, page - 1, bytes / 2, bytes - 1})
        CHECK(map.find(first + within) == 5 * page);
    CHECK_FALSE(map.find(first - 1));
    CHECK_FALSE(map.find(first + bytes));

    map.clear(mapped);
    for (const std::uint64_t within : {std::uint64_t{0}, bytes / 2, bytes - 1})
        CHECK_FALSE(map.find(first + within));
}

TEST_CASE("memory mapped at its own address is told from memory that is not mapped") {
    scene map;
    map.set(base, page, 0);
    CHECK(map.find(base) == 0U);
    CHECK_FALSE(map.find(base + page));
}

TEST_CASE("the last page of all addresses can be found") {
    scene map;
    const mapped_range last = map.set(0 - 2 * page, 2 * page, 0 - page);
    CHECK(map.find(highest) == 0 - page);
    CHECK(map.find(0 - 2 * page) == 0 - page);
    CHECK_FALSE(map.find(0));
    map.clear(last);
    CHECK_FALSE(map.find(highest));
}

TEST_CASE("all addresses can be one mapping") {
    scene map;
    const mapped_range all = map.set(0, 0, page);
    CHECK(map.find(0) == page);
    CHECK(map.find(base) == page);
    CHECK(map.find(highest) == page);
    map.clear(all);
    CHECK_FALSE(map.find(base));
}

TEST_CASE("neighbours keep their own bias when one of them goes") {
    scene map;
    const mapped_range before = map.set(base, 2 * mib, page);
    const mapped_range between = map.set(base + 2 * mib, page, 2 * page);
    const mapped_range after = map.set(base + 2 * mib + page, 2 * mib, 3 * page);
    map.clear(between);
    CHECK(map.find(base + 2 * mib - 1) == page);
    CHECK_FALSE(map.find(base + 2 * mib));
    CHECK(map.find(base + 2 * mib + page) == 3 * page);
    map.clear(before);
    map.clear(after);
    CHECK_FALSE(map.find(base));
    CHECK_FALSE(map.find(base + 4 * mib));
}

TEST_CASE("memory mapped twice has one I/O address or the other until both are gone") {
    const std::uint64_t bytes = GENERATE(as<std::uint64_t>{}, page, 3 * page, 2 * mib, gib + 2 * mib + page);
    const bool oldest_first = GENERATE(true, false);
    scene map;
    const mapped_range one = map.set(base, bytes, page);
    const mapped_range other = map.set(base, bytes, 2 * page);
    map.clear(oldest_first ? one : other);
    const std::uint64_t left = oldest_first ? 2 * page : page;
    for (const std::uint64_t within : {std::uint64_t{0}, bytes / 2, bytes - 1})
        CHECK(map.find(base + within) == left);
    map.clear(oldest_first ? other : one);
    for (const std::uint64_t within : {std::uint64_t{0}, bytes / 2, bytes - 1})
        CHECK_FALSE(map.find(base + within));
}

TEST_CASE("memory mapped many times has one of their I/O addresses until all are gone, in whatever order") {
    std::vector<std::uint64_t> order{1, 2, 3, 4};
    do {
        scene map;
        std::vector<mapped_range> mappings;
        for (std::uint64_t n = 1; n <= 4; ++n) mappings.push_back(map.set(base, 2 * page, n * page));
        std::set<std::uint64_t> left{page, 2 * page, 3 * page, 4 * page};
        for (const std::uint64_t n : order) {
            map.clear(mappings[n - 1]);
            left.erase(n * page);
            const auto found = map.find(base + page);
            CHECK(found.has_value() == !left.empty());
            if (found) CHECK(left.contains(*found));
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a small mapping within a large one outlives it, and the other way round") {
    const bool large_first = GENERATE(true, false);
    const bool clear_large = GENERATE(true, false);
    scene map;
    mapped_range large{}, small{};
    if (large_first) large = map.set(base, gib, page);
    small = map.set(base + 3 * page, page, 2 * page);
    if (!large_first) large = map.set(base, gib, page);
    map.clear(clear_large ? large : small);
    CHECK(map.find(base + 3 * page) == (clear_large ? 2 * page : page));
    CHECK(map.find(base).has_value() == !clear_large);
}

TEST_CASE(
    "of two neighbours with one bias one keeps its address while memory mapped over both comes and goes") {
    const bool first_goes = GENERATE(true, false);
    scene map;
    const mapped_range first = map.set(base, page, page);
    const mapped_range second = map.set(base + page, page, page);
    const mapped_range both = map.set(base, 2 * page, 5 * page);
    map.clear(first_goes ? first : second);
    CHECK(map.find(base) == (first_goes ? 5 * page : page));
    CHECK(map.find(base + page) == (first_goes ? page : 5 * page));
    map.clear(both);
    CHECK(map.find(base).has_value() != first_goes);
    CHECK(map.find(base + page).has_value() == first_goes);
}

TEST_CASE("a range can be reserved and never set") {
    address_map map;
    map.reserve(base, base + gib + page - 1, 1);
    CHECK_FALSE(map.find(base));
    CHECK_FALSE(map.find(base + gib));
}

TEST_CASE("threads find what stays mapped while mappings around it come and go") {
    address_map map;
    const mapped_range stays = range(base + 5 * page, page, page);
    const mapped_range hidden = range(base, 2 * mib, 7 * page);
    const std::vector<mapped_range> come_and_go{range(base, 5 * page, 2 * page),
                                                range(base + 6 * page, 2 * mib, 3 * page),
                                                range(base, 2 * mib, 4 * page), range(base, gib, 5 * page)};
    map.reserve(stays.first, stays.last, 1);
    map.set(stays);
    map.reserve(hidden.first, hidden.last, 2);

    std::atomic<bool> done{false};
    std::atomic<unsigned> lost{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            while (!done.load())
                if (!map.find(stays.first + 1)) ++lost;
        });
    for (int round = 0; round < 500; ++round) {
        for (const mapped_range& m : come_and_go) {
            map.reserve(m.first, m.last, come_and_go.size() + 2);
            map.set(m);
        }
        if (round % 2 == 0) map.set(hidden);
        for (const mapped_range& m : come_and_go) map.clear(m);
        if (round % 2 == 0) map.clear(hidden);
    }
    done = true;
    for (auto& r : readers) r.join();
    CHECK(lost == 0);
    CHECK(map.find(stays.first) == page);
    CHECK_FALSE(map.find(base));
}

TEST_CASE("threads find memory at all times while the mappings of it take turns") {
    address_map map;
    const std::vector<mapped_range> turns{range(base, page, page), range(base, page, 2 * page)};
    map.reserve(base, base + page - 1, 2);
    map.set(turns[0]);

    std::atomic<bool> done{false};
    std::atomic<unsigned> lost{0};
    std::thread reader([&] {
        while (!done.load())
            if (!map.find(base)) ++lost;
    });
    for (std::size_t turn = 0; turn < 200'000; ++turn) {
        map.set(turns[(turn + 1) % 2]);
        map.clear(turns[turn % 2]);
    }
    done = true;
    reader.join();
    CHECK(lost == 0);
}
