// SPDX-License-Identifier: BSL-1.0
// The allocations of this program, some of which fail when a test wants it; and the tests of that.
#include "gup_test/failing_allocations.hpp"

#include <cstdlib>
#include <memory>
#include <vector>

// ThreadSanitizer of clang has its own that cannot be replaced: nothing fails there.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GUP_TEST_HAS_ITS_OWN_NEW
#endif
#endif
#ifndef GUP_TEST_HAS_ITS_OWN_NEW

// What the compiler inlines of a pair of new and delete it takes for a mismatch.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

void* operator new(std::size_t bytes) {
    gup_test::allocations::begin();
    if (void* const made = std::malloc(bytes)) return made;
    throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    gup_test::allocations::begin();
    const auto unit = static_cast<std::size_t>(alignment);
    if (void* const made = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit)) return made;
    throw std::bad_alloc();
}
// The library makes all other forms of these; the sanitizer of addresses has its own, which do not fit.
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    try {
        return operator new(bytes);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return operator new(bytes, std::nothrow);
}
void operator delete(void* made) noexcept {
    if (made == nullptr) return;
    --gup_test::allocations::alive;
    std::free(made);
}
void operator delete(void* made, std::size_t) noexcept { operator delete(made); }
void operator delete[](void* made) noexcept { operator delete(made); }
void operator delete[](void* made, std::size_t) noexcept { operator delete(made); }
void operator delete(void* made, std::align_val_t) noexcept { operator delete(made); }
void operator delete(void* made, std::size_t, std::align_val_t) noexcept { operator delete(made); }

TEST_CASE("the allocation that was asked for fails, and those after it do not") {
    const long before = gup_test::allocations::alive;
    gup_test::allocations::until_failure = 2;
    auto first = std::make_unique<int>(1);
    CHECK_THROWS_AS(std::make_unique<int>(2), std::bad_alloc);
    const auto third = std::make_unique<int>(3);
    CHECK(gup_test::allocations::alive == before + 2);
    first.reset();
    CHECK(gup_test::allocations::alive == before + 1);
}

TEST_CASE("an operation is done until each of its allocations has failed") {
    int done = 0;
    int looked = 0;
    gup_test::fail_every_allocation(
        "a test",
        [&] {
            const auto first = std::make_unique<int>(1);
            const std::vector<int> second(3);
            ++done;
        },
        [&] { ++looked; });
    CHECK(done == 6); // two of five are not done to their end
    CHECK(looked == 8);
}

#endif
