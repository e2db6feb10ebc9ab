// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/name_table.hpp"

#include "gup_test/catch.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <rapidcheck.h>
#include <thread>
#include <vector>

using gup::detail::name_entry;
using gup::detail::name_table;

namespace {

name_entry& add(name_table& table, std::uint64_t index, std::uintptr_t page) {
    table.make_room();
    return table.add(index, page);
}

std::map<std::uint64_t, std::uintptr_t> all_in(const name_table& table) {
    std::map<std::uint64_t, std::uintptr_t> found;
    std::size_t visits = 0;
    table.for_each([&](const name_entry& entry) {
        found.emplace(entry.index.load(), entry.page);
        ++visits;
    });
    CHECK(visits == found.size());
    return found;
}

/// Names that lie close together, and others, among those that are there and beyond.
void compare_with_map() {
    name_table table;
    std::map<std::uint64_t, std::uintptr_t> known;
    std::uintptr_t pages = 0;
    const auto stride = *rc::gen::element<std::uint64_t>(1, 2, 512, std::uint64_t{1} << 40);
    const int rounds = *rc::gen::inRange(1, 12);
    for (int round = 0; round < rounds; ++round) {
        const bool adds = *rc::gen::inRange(0, 3) != 0;
        const auto first = *rc::gen::inRange<std::uint64_t>(0, 600);
        const auto count = *rc::gen::inRange<std::uint64_t>(1, 300);
        for (std::uint64_t n = first; n < first + count; ++n) {
            const std::uint64_t index = n * stride;
            name_entry* const entry = table.find(index);
            RC_ASSERT((entry != nullptr) == known.contains(index));
            RC_ASSERT(table.find_unlocked(index) == entry); // nothing changes meanwhile
            if (entry != nullptr) RC_ASSERT(entry->page == known.at(index));
            if (adds && entry == nullptr) {
                known[index] = ++pages;
                add(table, index, pages);
            } else if (!adds && entry != nullptr) {
                known.erase(index);
                table.remove(*entry);
            }
            RC_ASSERT(table.size() == known.size());
        }
        RC_ASSERT(all_in(table) == known);
    }
}

} // namespace

TEST_CASE("a table of names finds what a map does, however it has grown and shrunk") {
    CHECK(rc::check("table against map", compare_with_map));
}

TEST_CASE("every name is there at every moment while a table grows") {
    constexpr std::uint64_t names = 1500; // some doublings, and the middle of one
    name_table table;
    for (std::uint64_t n = 0; n < names; ++n) {
        add(table, n, n + 1);
        std::uint64_t missing = 0;
        for (std::uint64_t known = 0; known <= n; ++known) {
            const name_entry* const entry = table.find_unlocked(known);
            missing += entry == nullptr || entry->page != known + 1;
        }
        REQUIRE(missing == 0);
        REQUIRE(all_in(table).size() == n + 1);
    }
}

TEST_CASE("the names of a table that is still growing can be removed while they are visited") {
    name_table table;
    for (std::uint64_t n = 0; n < 70; ++n) add(table, n, n);
    table.for_each([&](name_entry& entry) { table.remove(entry); });
    CHECK(table.size() == 0);
    CHECK(all_in(table).empty());
}

TEST_CASE("threads that search without the lock find names, or nothing, while the table grows") {
    constexpr std::uint64_t names = 20'000;
    name_table table;
    for (std::uint64_t n = 0; n < 100; ++n) add(table, n, n);
    std::atomic<bool> done{false};
    std::atomic<unsigned> strange{0};
    std::vector<std::jthread> readers;
    for (unsigned i = 0; i < 2; ++i)
        readers.emplace_back([&, i] {
            for (std::uint64_t n = i; !done.load(); n += 7)
                if (const name_entry* const entry = table.find_unlocked(n % 100))
                    strange += entry->index.load() != n % 100; // nothing is removed here
        });
    for (std::uint64_t n = 100; n < names; ++n) add(table, n, n);
    done = true;
    readers.clear();
    CHECK(strange == 0);
    for (std::uint64_t n = 0; n < names; ++n) REQUIRE(table.find_unlocked(n) == table.find(n));
}
