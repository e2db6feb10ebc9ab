// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/magazine.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/page_array.hpp"

#include <cstring>

using namespace gup_test;
using gup::detail::magazine;

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

TEST_CASE("only an open magazine can be entered and a refused turn leaves it idle") {
    for (const bool fenced : {false, true}) {
        magazine m;
        m.fenced = fenced;
        CHECK_FALSE(m.enter());
        CHECK_FALSE(m.busy);

        m.open = true;
        CHECK(m.enter());
        CHECK(m.busy);
        m.leave();
        CHECK_FALSE(m.busy);
    }
}

TEST_CASE("a magazine wiped by fork is closed and empty and belongs to nobody") {
    alignas(magazine) std::byte memory[sizeof(magazine)];
    auto* const m = ::new (static_cast<void*>(memory)) magazine;
    m->open = true;
    m->owner = reinterpret_cast<gup::detail::free_page_store*>(memory);
    std::memset(static_cast<void*>(memory), 0, sizeof memory);

    CHECK(m->owner == nullptr);
    CHECK_FALSE(m->enter());
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
