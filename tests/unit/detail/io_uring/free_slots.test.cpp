// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/io_uring/free_slots.hpp"

#include "gup_test/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <rapidcheck.h>
#include <utility>
#include <vector>

using gup::detail::free_slots;

TEST_CASE("slots are taken from the first on, and those that were given back first") {
    free_slots slots(100, 130);
    for (std::size_t i = 0; i < 130; ++i) CHECK(slots.take(1) == 100 + i);
    CHECK_FALSE(slots.take(1));
    slots.give_back(163, 1);
    slots.give_back(107, 1);
    CHECK(slots.take(1) == 107U);
    CHECK(slots.take(1) == 163U);
    CHECK_FALSE(slots.take(1));
}

TEST_CASE("a run of slots is not interrupted") {
    free_slots slots(0, 130);
    CHECK(slots.take(130) == 0U);
    slots.give_back(0, 3);
    slots.give_back(60, 10); // over the end of a word
    slots.give_back(126, 4);
    CHECK(slots.take(4) == 60U);
    CHECK(slots.take(4) == 64U);
    CHECK(slots.take(4) == 126U);
    CHECK_FALSE(slots.take(4));
    CHECK(slots.take(3) == 0U);
    CHECK(slots.take(2) == 68U);
    CHECK_FALSE(slots.take(1));
}

TEST_CASE("what is free is found behind any number of slots that are taken") {
    free_slots slots(0, 9001); // of more than 64 words
    for (std::size_t i = 0; i < 9001; ++i) CHECK(slots.take(1) == i);
    CHECK_FALSE(slots.take(1));
    for (const std::size_t first : {4095U, 4096U, 8191U, 8192U, 8999U}) {
        slots.give_back(first, 2);
        CHECK_FALSE(slots.take(3));
        CHECK(slots.take(2) == first);
    }
    CHECK_FALSE(slots.take(1));
}

TEST_CASE("no table has no slots") { CHECK_FALSE(free_slots(0, 0).take(1)); }

TEST_CASE("free slots are those of a list of all") {
    const bool holds =
        rc::check([](const std::vector<std::pair<std::size_t, std::size_t>>& steps, std::size_t size) {
            const std::size_t count = size % 200;
            free_slots slots(7, count);
            std::vector<bool> taken(count, false);
            std::vector<std::pair<std::size_t, std::size_t>> runs;
            for (const auto& [what, number] : steps) {
                if (what % 3 != 0 || runs.empty()) {
                    const std::size_t wanted = 1 + number % 70;
                    const auto run = std::search_n(taken.begin(), taken.end(), wanted, false);
                    const auto got = slots.take(wanted);
                    RC_ASSERT(got.has_value() == (run != taken.end()));
                    if (!got) continue;
                    RC_ASSERT(*got - 7 == static_cast<std::size_t>(run - taken.begin()));
                    std::fill_n(run, wanted, true);
                    runs.emplace_back(*got, wanted);
                } else {
                    const auto over = runs.begin() + static_cast<std::ptrdiff_t>(number % runs.size());
                    slots.give_back(over->first, over->second);
                    std::fill_n(taken.begin() + static_cast<std::ptrdiff_t>(over->first - 7), over->second,
                                false);
                    runs.erase(over);
                }
            }
        });
    CHECK(holds);
}
