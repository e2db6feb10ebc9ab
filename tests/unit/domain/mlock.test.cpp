// SPDX-License-Identifier: BSL-1.0
#include "gup/domain/mlock.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pretend_memory.hpp"
#include "gup_test/watched_memory.hpp"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using memory = gup_test::pretend_memory;
using gup_test::page_kind;
using gup_test::watched_memory;
using domain = gup::basic_mlock_domain<memory>;
using calls = std::vector<std::string>;

constexpr std::size_t page = 4096;

domain fresh_memory(gup::mlock_mode mode = gup::mlock_mode::populate) {
    memory::reset();
    return domain({.mode = mode});
}

gup::pin_failure refusal(domain& pins, std::span<const std::byte> range) {
    gup::pin_failure failure;
    CHECK_FALSE(pins.try_pin(range, gup::dma_access::read, failure).has_value());
    return failure;
}

bool says(const gup::pin_failure& failure, std::string_view part) {
    UNSCOPED_INFO(failure.message());
    return failure.message().find(part) != std::string::npos;
}

} // namespace

static_assert(gup::pin_domain<gup::mlock_domain>);
static_assert(gup::pin_domain<domain>);
static_assert(std::is_nothrow_move_constructible_v<domain::registration>);
static_assert(!std::is_copy_constructible_v<domain::registration>);

TEST_CASE("A range is rounded out to whole pages") {
    domain pins = fresh_memory();
    memory::map(1, 8);

    const auto pinned = pins.pin(memory::range(2, 3).subspan(page - 1, page + 2));

    CHECK(memory::calls == calls{"mlock 2+3"});
    CHECK(pinned.bytes() == 3 * page);
    CHECK(pinned.range().data() == memory::range(2, 3).data());
    CHECK(pinned.range().size() == 3 * page);
}

TEST_CASE("A null, an empty and a wrapping range are refused before any call") {
    domain pins = fresh_memory();
    const auto* const high = reinterpret_cast<const std::byte*>(~std::uintptr_t{0} - 10);
    const auto* const low = reinterpret_cast<const std::byte*>(page);

    const auto null = refusal(pins, {static_cast<const std::byte*>(nullptr), page});
    const auto empty = refusal(pins, memory::range(1, 0));
    const auto wrapping = refusal(pins, {low, ~std::size_t{0} - page / 2});
    const auto rounded = refusal(pins, {high, 5});

    for (const auto* failure : {&null, &empty, &wrapping, &rounded})
        CHECK(failure->code == std::errc::invalid_argument);
    CHECK(says(null, "null"));
    CHECK(says(empty, "empty"));
    CHECK(says(wrapping, "end of the address space"));
    CHECK(says(rounded, "end of the address space"));
    CHECK(memory::calls.empty());
    CHECK(memory::probes == 0);
}

TEST_CASE("A pin of locked pages makes no call, and only the last release unlocks") {
    domain pins = fresh_memory();
    domain others = pins;
    memory::map(0, 100);
    auto outer = pins.pin(memory::range(0, 64));
    memory::forget_calls();

    auto inner = pins.pin(memory::range(10, 2));
    auto same = others.pin(memory::range(10, 2));
    CHECK(inner.bytes() == 2 * page);
    inner.release();
    CHECK(memory::calls.empty());
    CHECK(memory::probes == 0);

    outer.release();
    CHECK(memory::calls == calls{"munlock 0+10", "munlock 12+52"});
    same.release();
    CHECK(memory::calls.back() == "munlock 10+2");
    CHECK(memory::locked() == 0);
}

TEST_CASE("Only the gaps between pins are locked") {
    domain pins = fresh_memory();
    memory::map(0, 100);
    const auto first = pins.pin(memory::range(10, 5));
    const auto second = pins.pin(memory::range(20, 5));
    memory::forget_calls();

    const auto around = pins.pin(memory::range(5, 25));

    CHECK(memory::calls == calls{"mlock 5+5", "mlock 15+5", "mlock 25+5"});
    CHECK(around.bytes() == 25 * page);
}

TEST_CASE("Memory that mlock ignores is pinned but not claimed") {
    domain pins = fresh_memory();
    memory::map(0, 10);
    memory::map(10, 100, page_kind::not_lockable);
    memory::map(110, 10);

    auto mixed = pins.pin(memory::range(0, 120));
    auto ignored = pins.pin(memory::range(50, 10));
    auto border = pins.pin(memory::range(9, 2));

    CHECK(mixed.bytes() == 20 * page);
    CHECK(ignored.bytes() == 0);
    CHECK(border.bytes() == page);
    CHECK(memory::listings == 1);
    CHECK(memory::probes == 2 * 3);
}

TEST_CASE("Without /proc every page is asked for, and the result is the same") {
    domain pins = fresh_memory();
    memory::map(0, 50);
    memory::map(50, 50, page_kind::not_lockable);
    memory::files["/proc/self/maps"] = "";

    const auto mixed = pins.pin(memory::range(0, 100));

    CHECK(mixed.bytes() == 50 * page);
    CHECK(memory::probes == 2 * 100);
}

TEST_CASE("Memory that was locked before stays locked after the last release and after a failure") {
    domain pins = fresh_memory();
    memory::map(0, 10);
    memory::map(10, 2, page_kind::inaccessible);
    memory::mlock(memory::range(4, 2).data(), 2 * page);

    auto pinned = pins.pin(memory::range(2, 6));
    CHECK(pinned.bytes() == 6 * page);
    CHECK(memory::locked() == 6);
    pinned.release();
    CHECK(memory::locked() == 2);

    const auto failure = refusal(pins, memory::range(0, 12));
    CHECK(failure.code == std::errc::not_enough_memory);
    CHECK(memory::locked() == 2);
}

TEST_CASE("A populating pin populates what was locked on fault, and that is all it calls for") {
    domain lazy = fresh_memory(gup::mlock_mode::on_fault);
    domain eager;
    memory::map(0, 20);
    auto first = lazy.pin(memory::range(0, 10));
    auto second = eager.pin(memory::range(5, 2));
    auto third = eager.pin(memory::range(5, 2));
    auto fourth = lazy.pin(memory::range(4, 4));

    CHECK(memory::calls == calls{"mlock2 0+10", "mlock 5+2"});
    CHECK(second.bytes() == 2 * page);
}

TEST_CASE("A refused pin over other pins leaves them as they were") {
    domain lazy = fresh_memory(gup::mlock_mode::on_fault);
    domain eager;
    memory::map(0, 10);
    memory::map(10, 1, page_kind::inaccessible);
    auto kept = lazy.pin(memory::range(2, 3));

    CHECK_THROWS_AS(eager.pin(memory::range(0, 11)), gup::pin_error);

    CHECK(memory::locked() == 3);
    kept.release();
    CHECK(memory::locked() == 0);
}

TEST_CASE("A registration is released once, by the object it was moved to") {
    domain pins = fresh_memory();
    memory::map(0, 8);
    auto first = pins.pin(memory::range(0, 2));
    auto moved = std::move(first);
    CHECK(moved.bytes() == 2 * page);
    auto second = pins.pin(memory::range(4, 2));

    second = std::move(moved);
    CHECK(memory::calls.back() == "munlock 4+2");
    auto& itself = second;
    second = std::move(itself);
    CHECK(second.bytes() == 2 * page);
    second.release();
    second.release();
    CHECK(second.bytes() == 0);
    CHECK(second.range().empty());
    CHECK(memory::calls == calls{"mlock 0+2", "mlock 4+2", "munlock 4+2", "munlock 0+2"});
}

TEST_CASE("A default-constructed registration pins nothing and destroys the memory it is handed") {
    bool gone = false;
    domain::registration nothing;
    CHECK(nothing.bytes() == 0);

    nothing.release(std::make_unique<watched_memory>(gone));

    CHECK(gone);
}

TEST_CASE("Memory goes after its release, and is leaked and reported if that fails") {
    static std::vector<gup::release_failure> reported;
    reported.clear();
    const auto before =
        gup::on_release_failure([](const gup::release_failure& f) noexcept { reported.push_back(f); });
    domain pins = fresh_memory();
    memory::map(0, 8);
    bool gone = false;
    bool leaked_gone = false;
    auto good = pins.pin(memory::range(0, 2));
    auto unmapped = pins.pin(memory::range(4, 2));
    memory::pages.erase(5);
    auto leaked = std::make_unique<watched_memory>(leaked_gone);
    auto* const still_there = leaked.get();

    good.release(std::make_unique<watched_memory>(gone));
    unmapped.release(std::move(leaked));

    gup::on_release_failure(before);
    CHECK(gone);
    CHECK_FALSE(leaked_gone);
    REQUIRE(reported.size() == 1);
    CHECK(reported[0].call == std::string("munlock"));
    CHECK(reported[0].code == std::errc::not_enough_memory);
    CHECK(reported[0].range.data() == memory::range(4, 2).data());
    CHECK(reported[0].range.size() == 2 * page);
    delete still_there;
}
