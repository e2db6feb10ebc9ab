// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/operation_table.hpp"

#include "gup_test/catch.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <rapidcheck.h>
#include <set>
#include <thread>
#include <vector>

namespace {

/// The pin of a page, which the table compares and never looks into.
struct pin;
constexpr gup::detail::number_split split{.place_bits = 20, .generation_shift = 24, .generation_bits = 24};
/// With the memory of its records.
template <class Table>
struct owning : Table::memory, Table {
    owning(std::uint32_t size, std::uint64_t first_number)
        : Table::memory(size), Table(static_cast<const typename Table::memory&>(*this), first_number) {}
};
using operation_table = owning<gup::detail::operation_table<pin, split>>;
using operation = operation_table::record;
/// Whose records are made in several turns, though there are few.
using slow_table = owning<gup::detail::operation_table<pin, split, 4>>;

constexpr std::uint64_t first = std::uint64_t{0x4711} << 48 | std::uint64_t{0xABCDEF} << 24;

const pin& binding(std::uintptr_t number) { return *reinterpret_cast<const pin*>(number * 64); }

/// What prepare does with a record; its user_data, 0 if there is no record.
template <class Table>
std::uint64_t start(Table& table, std::uintptr_t word, std::uintptr_t pool = 1) {
    operation* const record = table.claim();
    if (record == nullptr) return 0;
    record->binding.store(&binding(pool), std::memory_order_relaxed);
    record->word.store(word, std::memory_order_release);
    return record->number.load(std::memory_order_relaxed);
}

/// The same with several pages, each of a pool of its own.
template <class Table>
std::uint64_t start(Table& table, const std::vector<std::uintptr_t>& words) {
    operation* const record = table.claim(words.size());
    if (record == nullptr) return 0;
    operation* r = record;
    for (std::uintptr_t pool = 1; const std::uintptr_t word : words) {
        r->binding.store(&binding(pool++), std::memory_order_relaxed);
        r->word.store(word, std::memory_order_release);
        r = r->next;
    }
    return record->number.load(std::memory_order_relaxed);
}

} // namespace

TEST_CASE("an operation is found by its user_data until it is over, and its word comes back") {
    operation_table table(4, first);
    const std::uint64_t mine = start(table, 0x1000);

    operation* const found = table.find(mine);
    REQUIRE(found != nullptr);
    CHECK(table.finish(*found) == 0x1000);
    CHECK(table.find(mine) == nullptr);
}

TEST_CASE("user_data carries what the table was made with, and a place of its own") {
    operation_table table(4, first);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 4; ++i) {
        const std::uint64_t user_data = start(table, 0x1000);
        CHECK((user_data & ~std::uint64_t{0xFFFFF}) == first);
        seen.insert(user_data);
    }
    CHECK(seen.size() == 4);
}

TEST_CASE("a table that is full has no record, and one as soon as an operation is over") {
    operation_table table(3, first);
    std::vector<std::uint64_t> all;
    for (std::uintptr_t i = 1; i <= 3; ++i) all.push_back(start(table, 0x1000 * i));
    CHECK(start(table, 0x9000) == 0);

    CHECK(table.finish(*table.find(all[1])) == 0x2000);
    const std::uint64_t again = start(table, 0x9000);
    REQUIRE(again != 0);
    CHECK(again != all[1]);
    CHECK(start(table, 0xA000) == 0);
}

TEST_CASE("a record that is used again does not answer to an earlier generation") {
    operation_table table(1, first);
    const std::uint64_t before = start(table, 0x1000);
    table.finish(*table.find(before));
    const std::uint64_t now = start(table, 0x2000);

    CHECK(table.find(before) == nullptr);
    REQUIRE(table.find(now) != nullptr);
    CHECK(table.finish(*table.find(now)) == 0x2000);
}

TEST_CASE("a record that is free is not found, not even by the user_data of its next operation") {
    operation_table table(1, first);
    CHECK(table.find(first) == nullptr);
    CHECK(start(table, 0x1000) == first);
}

TEST_CASE("generations wrap without touching marker, ring or place") {
    constexpr std::uint64_t last_generation =
        std::uint64_t{0x4711} << 48 | std::uint64_t{0xFFFFFF} << 24 | 3U << 20;
    operation_table table(2, last_generation);
    start(table, 0x1000);
    const std::uint64_t old = start(table, 0x2000);
    REQUIRE(old == (last_generation | 1));
    table.finish(*table.find(old));
    const std::uint64_t wrapped = start(table, 0x3000);

    CHECK(wrapped == (std::uint64_t{0x4711} << 48 | 3U << 20 | 1));
    CHECK(table.find(wrapped) != nullptr);
    CHECK(table.find(old) == nullptr);
}

TEST_CASE("a place beyond the table is not found") {
    operation_table table(3, first);
    for (std::uintptr_t i = 1; i <= 3; ++i) start(table, 0x1000 * i);
    CHECK(table.find(first | 3) == nullptr);
    CHECK(table.find(first | 0xFFFFF) == nullptr);
}

TEST_CASE("a record given back unsubmitted is used again, in another generation") {
    operation_table table(2, first);
    const std::uint64_t one = start(table, 0x1000);
    const std::uint64_t two = start(table, 0x2000);
    CHECK(table.unclaim(*table.find(one)) == 0x1000);
    CHECK(table.find(one) == nullptr);
    CHECK(table.find(two) != nullptr);

    const std::uint64_t three = start(table, 0x3000);
    CHECK(three != one);
    CHECK(start(table, 0x4000) == 0);
    CHECK(table.finish(*table.find(two)) == 0x2000);
    CHECK(table.finish(*table.find(three)) == 0x3000);
}

TEST_CASE("operations are counted for the pool that they belong to") {
    operation_table table(4, first);
    start(table, 0x1000, 1);
    const std::uint64_t over = start(table, 0x2000, 1);
    start(table, 0x3000, 2);
    table.finish(*table.find(over));

    CHECK(table.count(binding(1)) == 1);
    CHECK(table.count(binding(2)) == 1);
    CHECK(table.count(binding(3)) == 0);
}

TEST_CASE("an operation owns several pages, which come back together and in their order") {
    operation_table table(5, first);
    const std::vector<std::uintptr_t> words{0x1000, 0x2000, 0x3000, 0x4000};
    const std::uint64_t mine = start(table, words);
    REQUIRE(mine != 0);
    for (std::uintptr_t pool = 1; pool <= 4; ++pool) CHECK(table.count(binding(pool)) == 1);

    std::vector<std::uintptr_t> back(4);
    table.finish(*table.find(mine), back);
    CHECK(back == words);
    CHECK(table.find(mine) == nullptr);
    CHECK(table.count(binding(4)) == 0);
}

TEST_CASE("an operation gets records for all of its pages or none") {
    operation_table table(4, first);
    const std::uint64_t single = start(table, 0x9000);
    CHECK(start(table, std::vector<std::uintptr_t>{1, 2, 3, 4}) == 0);
    CHECK(table.count(binding(1)) == 1);
    const std::uint64_t three = start(table, std::vector<std::uintptr_t>{0x1000, 0x2000, 0x3000});
    REQUIRE(three != 0);
    CHECK(start(table, 0xA000) == 0);

    std::vector<std::uintptr_t> back(3);
    table.unclaim(*table.find(three), back);
    CHECK(back == std::vector<std::uintptr_t>{0x1000, 0x2000, 0x3000});
    table.finish(*table.find(single));
    CHECK(start(table, std::vector<std::uintptr_t>{1, 2, 3, 4}) != 0);
}

TEST_CASE("the last records that are made are few, and the others free again") {
    slow_table table(5, first);
    for (int i = 0; i < 4; ++i) table.finish(*table.find(start(table, 0x1000)));
    CHECK(start(table, std::vector<std::uintptr_t>{1, 2, 3, 4}) != 0);
}

TEST_CASE("a part of an operation is not found by any number") {
    operation_table table(4, first);
    const std::uint64_t mine = start(table, std::vector<std::uintptr_t>{0x1000, 0x2000, 0x3000, 0x4000});
    for (std::uint64_t place = 0; place < 4; ++place) {
        const std::uint64_t number = first | place;
        CHECK((table.find(number) != nullptr) == (number == mine));
        CHECK(table.find(~number) == nullptr);
    }
}

TEST_CASE("a record keeps the cookie of its operation") {
    operation_table table(2, first);
    const std::uint64_t mine = start(table, 0x1000);
    table.find(mine)->cookie = ~std::uint64_t{0};
    CHECK(table.find(start(table, 0x2000))->cookie == 0);
    CHECK(table.find(mine)->cookie == ~std::uint64_t{0});
}

TEST_CASE("a table without memory has no records") {
    gup::detail::operation_table<pin, split> table;
    CHECK(table.claim() == nullptr);
    CHECK(table.claim(2) == nullptr);
    CHECK_FALSE(table.knows_free());
    CHECK(table.find(0) == nullptr);
    CHECK(table.find_open(0) == nullptr);
    CHECK(table.count(binding(1)) == 0);
}

TEST_CASE("a closed table is as it was, but finds nothing the open way") {
    slow_table table(9, first);
    const std::uint64_t before = start(table, 0x1000);
    CHECK(table.find_open(before) == table.find(before));
    table.close();
    table.close();
    std::vector<std::uint64_t> all{before};
    for (std::uintptr_t word = 2; word <= 9; ++word) all.push_back(start(table, word)); // makes records, too
    CHECK(start(table, 0x9000) == 0);
    for (const std::uint64_t number : all) {
        CHECK(table.find(number) != nullptr);
        CHECK(table.find_open(number) == nullptr);
    }
    table.open();
    for (const std::uint64_t number : all) CHECK(table.find_open(number) == table.find(number));
}

TEST_CASE("a table knows which operations the device was not told of") {
    operation_table table(8, first);
    const auto untold = [&] {
        std::set<std::uint64_t> all;
        for (std::uint32_t i = 0; i < table.untold(); ++i) all.insert(table.untold(i).number);
        return all;
    };
    using numbers = std::set<std::uint64_t>;
    std::vector<std::uint64_t> started;
    for (std::uintptr_t word = 1; word <= 5; ++word) started.push_back(start(table, word));
    CHECK(untold() == numbers(started.begin(), started.end()));
    CHECK(table.unclaim_untold(*table.find(started[1])) == 2); // not the last
    CHECK(untold() == numbers{started[0], started[2], started[3], started[4]});
    CHECK(table.unclaim_untold(*table.find(started[4])) == 5);
    CHECK(untold() == numbers{started[0], started[2], started[3]});

    table.tell();
    CHECK(untold().empty());
    table.keep_untold(*table.find(started[2]));
    CHECK(untold() == numbers{started[2]});
    const std::uint64_t later = start(table, 6);
    CHECK(untold() == numbers{started[2], later});
    table.finish(*table.find(started[0]));
    table.finish(*table.find(started[3]));
    for (std::uintptr_t word = 7; word <= 12; ++word) start(table, word); // all records are in use
    CHECK(table.untold() == 8);
}

TEST_CASE("a table does what a map would, in any order of operations") {
    const bool holds = rc::check([] {
        const auto size = *rc::gen::inRange<std::uint32_t>(1, 14);
        slow_table table(size, first);
        std::map<std::uint64_t, std::vector<std::uintptr_t>> oracle;
        std::size_t in_flight = 0; // pages
        std::vector<std::uint64_t> over;
        std::uintptr_t word = 0;
        for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100))) {
            if (step < 50) {
                std::vector<std::uintptr_t> words(static_cast<std::size_t>(step % 4 + 1));
                for (auto& each : words) each = word += 64;
                const std::uint64_t number = words.size() == 1 ? start(table, words[0]) : start(table, words);
                RC_ASSERT((number != 0) == (in_flight + words.size() <= size));
                if (number == 0) continue;
                RC_ASSERT(oracle.emplace(number, words).second);
                in_flight += words.size();
            } else if (!oracle.empty()) {
                const auto chosen = std::next(oracle.begin(), step % static_cast<int>(oracle.size()));
                operation* const record = table.find(chosen->first);
                RC_ASSERT(record != nullptr);
                std::vector<std::uintptr_t> back(chosen->second.size());
                if (back.size() == 1)
                    back[0] = step % 3 == 0 ? table.unclaim(*record) : table.finish(*record);
                else if (step % 3 == 0)
                    table.unclaim(*record, back);
                else
                    table.finish(*record, back);
                RC_ASSERT(back == chosen->second);
                over.push_back(chosen->first);
                in_flight -= back.size();
                oracle.erase(chosen);
            }
            for (const std::uint64_t stale : over) RC_ASSERT(table.find(stale) == nullptr);
            RC_ASSERT(table.count(binding(1)) == oracle.size());
            std::size_t found = 0;
            for (std::uint64_t place = 0; place < size; ++place)
                for (std::uint64_t generation = 0; generation < 64; ++generation)
                    found += table.find((first + (generation << 24)) | place) != nullptr;
            RC_ASSERT(found == oracle.size());
        }
    });
    CHECK(holds);
}

TEST_CASE(
    "one thread starts operations, some of which it takes back, while another finishes them and a third "
    "opens and closes the table") {
    constexpr std::uint32_t size = 8;
    constexpr std::uintptr_t operations = 20'000;
    operation_table table(size, first);
    // a queue as the kernel's, but without the order between threads that TSan sees in an acquire and a
    // release
    std::vector<std::atomic<std::uint64_t>> queue(operations);
    std::uintptr_t sum = 0;
    std::thread reaper([&] {
        for (auto& place : queue) {
            std::uint64_t user_data = 0;
            while ((user_data = place.load(std::memory_order_relaxed)) == 0) std::this_thread::yield();
            operation* record = nullptr;
            while ((record = table.find_open(user_data)) == nullptr &&
                   (record = table.find(user_data)) == nullptr) {
            }
            sum += reinterpret_cast<std::uintptr_t>(record->type);
            table.finish(*record);
        }
    });
    std::atomic<bool> done{false};
    std::thread other([&] {
        while (!done.load(std::memory_order_relaxed)) {
            table.close();
            std::this_thread::yield();
            table.open();
        }
    });
    for (std::uintptr_t i = 0; i < operations; ++i) {
        operation* record = nullptr;
        while ((record = table.claim()) == nullptr) std::this_thread::yield();
        if (i % 5 == 0) {
            record->word.store(64, std::memory_order_release);
            table.unclaim(*record);
            record = table.claim();
            REQUIRE(record != nullptr);
        }
        record->type = reinterpret_cast<const gup::detail::operation_type*>(i); // plain, as prepare writes it
        record->word.store(64, std::memory_order_release);
        queue[i].store(record->number.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    reaper.join();
    done.store(true, std::memory_order_relaxed);
    other.join();
    CHECK(sum == operations * (operations - 1) / 2);
}
