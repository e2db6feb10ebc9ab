// SPDX-License-Identifier: BSL-1.0
#include "gup/domain/mlock.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/real_memory.hpp"
#include "gup_test/skip.hpp"

#include <rapidcheck.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

namespace {

using gup::mlock_domain;
using gup_test::locked_memory;
using gup_test::real_memory;

const std::size_t page = gup_test::page_bytes();

/// True if anything may be locked here at all; if not, the test is skipped.
bool may_lock(std::size_t pages) {
    const auto room = gup::memlock_budget::read().available(gup::pin_budget::locked_vm);
    return gup_test::have(!room || *room >= pages * page, "RLIMIT_MEMLOCK is too low");
}

} // namespace

TEST_CASE("Nested and overlapping pins keep pages locked until the last release, as the kernel sees it") {
    if (!may_lock(64)) return;
    const real_memory memory(64);
    const std::size_t before = locked_memory();
    mlock_domain pins;

    auto outer = pins.pin(memory.range(0, 32));
    auto inner = pins.pin(memory.range(10, 2));
    auto overlapping = mlock_domain().pin(memory.range(30, 4));
    CHECK(locked_memory() == before + 34 * page);

    outer.release();
    CHECK(locked_memory() == before + 6 * page);
    CHECK(memory.locked(10));
    CHECK(memory.locked(11));
    CHECK_FALSE(memory.locked(9));
    CHECK_FALSE(memory.locked(12));
    CHECK(memory.locked(30));

    inner.release();
    overlapping.release();
    CHECK(locked_memory() == before);
    CHECK(memory.locked_pages() == 0);
}

TEST_CASE("Populated pages are in memory after the pin, pages on fault when they are touched") {
    if (!may_lock(32)) return;
    const real_memory memory(32);
    std::array<unsigned char, 16> present{};
    const auto resident = [&](std::size_t first) {
        REQUIRE(::mincore(memory.page(first), 16 * page, present.data()) == 0);
        std::size_t count = 0;
        for (const unsigned char flags : present) count += flags & 1U;
        return count;
    };

    const auto populated = mlock_domain().pin(memory.range(0, 16));
    const auto lazy = mlock_domain({.mode = gup::mlock_mode::on_fault}).pin(memory.range(16, 16));

    CHECK(populated.bytes() == 16 * page);
    CHECK(resident(0) == 16);
    CHECK(lazy.bytes() == 16 * page);
    CHECK(resident(16) == 0);
    std::memset(memory.page(20), 1, 2 * page);
    CHECK(resident(16) == 2);
    const auto now_populated = mlock_domain().pin(memory.range(24, 4));
    CHECK(resident(16) == 6);
}

TEST_CASE("A range with a hole is refused by its address and locks nothing") {
    if (!may_lock(64)) return;
    real_memory memory(100);
    const std::size_t before = locked_memory();
    mlock_domain pins;
    pins.pin(memory.range(0, 1)).release(); // what the first pin of a process maps must not fill the hole
    memory.make_hole(60);
    gup::pin_failure failure;

    CHECK_FALSE(pins.try_pin(memory.all(), gup::dma_access::read, failure).has_value());

    UNSCOPED_INFO(failure.message());
    CHECK(failure.code == std::errc::not_enough_memory);
    CHECK(failure.message().find(gup::detail::hexadecimal(
              reinterpret_cast<std::uintptr_t>(memory.page(60)))) != std::string::npos);
    CHECK(locked_memory() == before);
}

TEST_CASE("The kernel leaves inaccessible memory locked when it refuses it, but the domain does not") {
    if (!may_lock(64)) return;
    const real_memory memory(64);
    REQUIRE(::mprotect(memory.page(40), 8 * page, PROT_NONE) == 0);
    const std::size_t before = locked_memory();
    mlock_domain pins;
    auto kept = pins.pin(memory.range(4, 4));
    gup::pin_failure failure;

    CHECK_FALSE(pins.try_pin(memory.all(), gup::dma_access::read, failure).has_value());

    UNSCOPED_INFO(failure.message());
    CHECK(failure.message().find("PROT_NONE") != std::string::npos);
    CHECK(locked_memory() == before + 4 * page);
    kept.release();
    CHECK(locked_memory() == before);
}

TEST_CASE("Memory that the program locked itself stays locked") {
    if (!may_lock(16)) return;
    const real_memory memory(16);
    REQUIRE(gup::system_kernel::mlock(memory.page(4), 4 * page) == 0);

    auto pinned = mlock_domain().pin(memory.all());
    CHECK(pinned.bytes() == 16 * page);
    pinned.release();

    CHECK(memory.locked_pages() == 4);
    CHECK(memory.locked(4));
}

TEST_CASE("Huge pages of hugetlb are pinned by nature, not by mlock, and not claimed") {
    constexpr std::size_t huge = std::size_t{2} << 20;
    const real_memory memory(huge / page, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
    if (!gup_test::have_optional(memory.valid(), "no free huge pages: sysctl vm.nr_hugepages=8")) return;
    const std::size_t before = locked_memory();
    if (!may_lock(huge / page)) return;

    const auto whole = mlock_domain().pin(memory.all());
    const auto part = mlock_domain().pin(memory.range(3, 1));

    CHECK(whole.bytes() == 0);
    CHECK(part.bytes() == 0);
    CHECK(locked_memory() == before);
}

TEST_CASE("Droppable memory, which mlock ignores, is not claimed, its neighbours are") {
    if (!may_lock(100)) return;
    const real_memory memory(100);
    void* const dropped = ::mmap(memory.page(40), 20 * page, PROT_READ | PROT_WRITE,
                                 MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (!gup_test::have_optional(dropped != MAP_FAILED, "no MAP_DROPPABLE before Linux 6.11")) return;

    const auto pinned = mlock_domain().pin(memory.all());
    const auto few = mlock_domain().pin(memory.range(38, 4));

    CHECK(pinned.bytes() == 80 * page);
    CHECK(few.bytes() == 2 * page);
    CHECK(memory.locked_pages() == 80);
}

TEST_CASE("Memory of the kernel's own, such as its clock page, is not claimed") {
    std::uintptr_t clock = 0;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find("[vvar]") != line.npos) clock = gup::detail::parse_vma(line)->pages.begin;
    if (!gup_test::have_optional(clock != 0, "no [vvar] mapping")) return;

    const auto pinned = mlock_domain().pin({reinterpret_cast<const std::byte*>(clock), page});

    CHECK(pinned.bytes() == 0);
}

TEST_CASE("Releasing memory that is unmapped already is reported") {
    if (!may_lock(4)) return;
    static std::atomic<int> error{0};
    const auto hook = gup::on_release_failure(
        [](const gup::release_failure& failure) noexcept { error = failure.code.value(); });
    const std::size_t before = locked_memory();
    auto memory = std::make_unique<real_memory>(4);
    auto pinned = mlock_domain().pin(memory->all());

    memory.reset();
    pinned.release();

    gup::on_release_failure(hook);
    CHECK(error == ENOMEM);
    CHECK(locked_memory() == before);
}

namespace {

struct model_pin {
    std::size_t first;
    std::size_t count;
    mlock_domain::registration pinned;
};

void random_pins(const real_memory& memory) {
    const std::size_t before = locked_memory();
    std::vector<std::size_t> counts(memory.pages());
    std::vector<model_pin> live;
    const auto expected = [&] {
        std::size_t pages = 0;
        for (const std::size_t count : counts) pages += count != 0;
        return pages * page;
    };
    const int steps = *rc::gen::inRange(1, 60);
    for (int step = 0; step < steps; ++step) {
        if (live.empty() || *rc::gen::inRange(0, 5) < 3) {
            const auto first = *rc::gen::inRange<std::size_t>(0, memory.pages());
            const auto count = *rc::gen::inRange<std::size_t>(1, memory.pages() - first + 1);
            const auto mode = *rc::gen::element(gup::mlock_mode::populate, gup::mlock_mode::on_fault);
            live.push_back({first, count, mlock_domain({.mode = mode}).pin(memory.range(first, count))});
            RC_ASSERT(live.back().pinned.bytes() == count * page);
            for (std::size_t number = first; number < first + count; ++number) ++counts[number];
        } else {
            std::swap(live[*rc::gen::inRange<std::size_t>(0, live.size())], live.back());
            const auto& last = live.back();
            for (std::size_t number = last.first; number < last.first + last.count; ++number)
                --counts[number];
            live.pop_back();
        }
        RC_ASSERT(locked_memory() == before + expected());
    }
    for (std::size_t number = 0; number < counts.size(); ++number)
        RC_ASSERT(memory.locked(number) == (counts[number] != 0));
    live.clear();
    RC_ASSERT(locked_memory() == before);
}

/// Pins and releases pieces of the memory; what it holds must be locked while it holds it.
void pin_in_a_thread(const real_memory& memory, unsigned seed, std::atomic<int>& wrong) {
    std::uint32_t random = seed * 2654435761U + 1;
    const auto below = [&](std::size_t limit) {
        random = random * 1664525U + 1013904223U;
        return (random >> 8) % limit;
    };
    std::vector<model_pin> held;
    for (int step = 0; step < 400; ++step) {
        const std::size_t first = below(memory.pages());
        const std::size_t count = 1 + below(memory.pages() - first);
        auto pinned = mlock_domain().pin(memory.range(first, count));
        wrong += pinned.bytes() != count * page;
        held.push_back({first, count, std::move(pinned)});
        const auto& some = held[below(held.size())];
        wrong += !memory.locked(some.first + below(some.count));
        if (held.size() > 40) held.erase(held.begin() + static_cast<std::ptrdiff_t>(below(held.size())));
    }
}

} // namespace

TEST_CASE("Random pins and releases lock exactly the pages that a count per page says") {
    if (!may_lock(48)) return;
    const real_memory memory(48);

    CHECK(rc::check("VmLck against counts", [&] { random_pins(memory); }));
}

TEST_CASE("Threads that pin and release overlapping ranges never unlock what another holds") {
    constexpr std::size_t pages = 160; // more ranges than the lock of the counts is held for
    if (!may_lock(pages)) return;
    const real_memory memory(pages);
    const std::size_t before = locked_memory();
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned seed = 0; seed < 4; ++seed)
            threads.emplace_back([&, seed] { pin_in_a_thread(memory, seed, wrong); });
    }

    CHECK(wrong == 0);
    CHECK(locked_memory() == before);
}
