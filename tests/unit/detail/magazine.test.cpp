// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/magazine.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/page_array.hpp"

#include <cstring>

using namespace gup_test;
using gup::detail::magazine;
using gup::detail::slow_turn;

TEST_CASE("a magazine gives its pages back last in first out") {
    const page_array memory(3);
    magazine m;
    for (std::size_t i = 0; i < 3; ++i) m.push(memory[i]);
    CHECK(m.count == 3);

    CHECK(m.pop() == &memory[2]);
    CHECK(m.pop() == &memory[1]);
    CHECK(m.pop() == &memory[0]);
    CHECK(m.pop() == nullptr);
    CHECK(m.count == 0);
}

TEST_CASE("a magazine is emptied at once") {
    const page_array memory(3);
    magazine m;
    for (std::size_t i = 0; i < 3; ++i) m.push(memory[i]);

    CHECK(m.take_all().count == 3);
    CHECK(m.count == 0);
    CHECK(m.pop() == nullptr);
    CHECK(m.take_all().first == nullptr);
}

TEST_CASE("only an open magazine can be entered, and a refused turn leaves it as it was") {
    std::byte memory{};
    auto& store = reinterpret_cast<gup::detail::free_page_store&>(memory);
    for (const bool fenced : {false, true}) {
        magazine m;
        m.fenced = fenced;
        m.owner = &store;
        CHECK_FALSE(m.enter(store));
        CHECK(m.owner == &store);

        m.open = true;
        CHECK(m.enter(store));
        CHECK(m.owner == magazine::inside());
        m.leave(store);
        CHECK(m.owner == &store);
    }
}

TEST_CASE("a slow turn has no current magazine, and gives it back or what took its place") {
    auto& mine = gup::detail::this_thread_magazines;
    magazine first;
    magazine second;
    mine.current = &first;
    {
        slow_turn turn;
        CHECK(mine.current == nullptr);
        CHECK(turn.current == &first);
        turn.current = &second;
        turn.end();
        CHECK(mine.current == &second);
        const slow_turn next; // of what may follow the end
        CHECK(mine.current == nullptr);
    }
    CHECK(mine.current == &second);
    mine.current = nullptr;
}

TEST_CASE("a slow turn inside another ends the program with a sentence") {
    const auto child = in_child([] {
        const slow_turn outer;
        const slow_turn inner;
        return 0;
    });
    CHECK(child.terminated());
    CHECK(child.said_that("gup: a signal handler used a page pool"));
}

TEST_CASE("a magazine wiped by fork is closed and empty and belongs to nobody") {
    alignas(magazine) std::byte memory[sizeof(magazine)];
    auto* const m = ::new (static_cast<void*>(memory)) magazine;
    m->open = true;
    m->owner = reinterpret_cast<gup::detail::free_page_store*>(memory);
    std::memset(static_cast<void*>(memory), 0, sizeof memory);

    CHECK(m->owner == nullptr);
    CHECK_FALSE(m->enter(*reinterpret_cast<gup::detail::free_page_store*>(memory)));
    CHECK(m->pop() == nullptr);
    CHECK(m->dispose == nullptr);
}

TEST_CASE("a magazine is disposed of when both of its holders have let go") {
    static int disposed = 0;
    disposed = 0;
    magazine m;
    m.dispose = [](magazine&) noexcept { ++disposed; };

    m.let_go();
    CHECK(disposed == 0);
    m.let_go();
    CHECK(disposed == 1);
}
