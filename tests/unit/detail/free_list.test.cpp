// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/free_list.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/page_array.hpp"

#include <set>

using namespace gup_test;
using gup::detail::free_list;
using gup::detail::page_access;
using gup::detail::page_chain;

TEST_CASE("a new list hands out every page once in order") {
    const page_array memory(5);
    free_list list(memory.arrays());
    CHECK(list.size() == 5);

    for (std::size_t i = 0; i < 5; ++i) CHECK(list.pop() == &memory[i]);

    CHECK(list.pop() == nullptr);
    CHECK(list.size() == 0);
}

TEST_CASE("pages across zones are all handed out") {
    const std::size_t pages = gup::zone::max_pages + 2;
    const page_array memory(pages);
    free_list list(memory.arrays());
    CHECK(memory.arrays().zones() == 2);

    std::set<const gup::zone*> zones;
    std::size_t popped = 0;
    for (const gup::page* page = list.pop(); page != nullptr; page = list.pop()) {
        zones.insert(&gup::zone::of(page));
        ++popped;
    }

    CHECK(popped == pages);
    CHECK(zones.size() == 2);
}

TEST_CASE("the page pushed last is popped first and pushed pages come before new ones") {
    const page_array memory(4);
    free_list list(memory.arrays());
    for (std::size_t i = 0; i < 2; ++i) REQUIRE(list.pop() == &memory[i]);
    list.push(memory[0]);
    list.push(memory[1]);
    CHECK(list.size() == 4);

    CHECK(list.pop() == &memory[1]);
    CHECK(list.pop() == &memory[0]);
    CHECK(list.pop() == &memory[2]);
}

TEST_CASE("a chain is pushed as a whole and an empty one changes nothing") {
    const page_array memory(6);
    free_list list(memory.arrays());
    page_chain chain;
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(list.pop() == &memory[i]);
    for (std::size_t i = 0; i < 3; ++i) chain.push(memory[i]);
    list.push(memory[3]);

    list.push(chain);
    CHECK(list.size() == 6);
    list.push(page_chain{});
    CHECK(list.size() == 6);

    std::set<const gup::page*> popped;
    while (const gup::page* page = list.pop()) popped.insert(page);
    CHECK(popped.size() == 6);
}

TEST_CASE("a chain counts its pages and knows both its ends") {
    const page_array memory(3);
    page_chain chain;
    CHECK(chain.first == nullptr);

    for (std::size_t i = 0; i < 3; ++i) chain.push(memory[i]);

    CHECK(chain.count == 3);
    CHECK(chain.first == &memory[2]);
    CHECK(chain.last == &memory[0]);
    CHECK(page_access::link(*chain.first) == &memory[1]);
    CHECK(page_access::link(*chain.last) == nullptr);
}
