// SPDX-License-Identifier: BSL-1.0
#include "gup/memory_kind.hpp"

#include "gup_test/catch.hpp"

#include <set>
#include <string>

using gup::memory_kind;

TEST_CASE("every memory kind has a name of its own") {
    std::set<std::string> names;
    for (const auto kind : {memory_kind::automatic, memory_kind::small_pages, memory_kind::transparent_huge,
                            memory_kind::hugetlb, memory_kind::memfd})
        names.insert(to_string(kind));
    CHECK(names.size() == 5);
    CHECK(names.count("unknown") == 0);
    CHECK(names.count("transparent huge pages") == 1);
}

TEST_CASE("a value that is no memory kind is called unknown") {
    CHECK(std::string(to_string(static_cast<memory_kind>(99))) == "unknown");
}
