// SPDX-License-Identifier: BSL-1.0
// A slab of more than a GiB on the real kernel, which registers at most one GiB at a time.
#include "gup/caller_memory.hpp"
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/ring_scene.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <sys/sysinfo.h>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t gib = std::size_t{1} << 30;
constexpr std::size_t page_bytes = 128 * 1024;

std::size_t free_memory() {
    struct sysinfo info {};
    return ::sysinfo(&info) == 0 ? info.freeram * info.mem_unit : 0;
}

} // namespace

TEST_CASE(
    "a slab of more than a GiB takes a slot for each GiB begun, and all of its pages work on all rings") {
    gup_test::ring first;
    gup_test::ring second;
    if (!gup_test::have(first.ok(), first.why_not())) return;
    if (!gup_test::have_optional(free_memory() >= 4 * gib, "less than 4 GiB of memory is free")) return;
    gup::io_uring_domain<> d(first.handle(), second.handle());
    gup::pin_failure failure;
    auto pool = gup::page_pool<gup::io_uring_domain<>>::try_make(
        d, {.page_size = page_bytes, .pages = gib / page_bytes + 1}, failure);
    const bool refused = !pool && failure.budget == gup::pin_budget::user_locked_vm;
    if (!gup_test::have_optional(!refused, "RLIMIT_MEMLOCK does not allow a GiB")) return;
    REQUIRE(pool);
    CHECK(pool->stats().slots == 2);
    CHECK(pool->stats().bytes_registered == gib + page_bytes);
    const auto slots = gup_test::slots_of(first);
    CHECK(slots == std::map<unsigned, std::size_t>{{0, gib}, {1, page_bytes}});
    CHECK(gup_test::slots_of(second) == slots);

    const auto content = gup_test::pattern(page_bytes);
    const gup_test::scratch_file file(content);
    auto refs = gup::get_user_pages(*pool, pool->pages());
    std::sort(refs.begin(), refs.end(),
              [](const auto& a, const auto& b) { return a.bytes().data() < b.bytes().data(); });
    for (auto* const r : {&first, &second})
        for (const std::size_t place : {std::size_t{0}, refs.size() - 2, refs.size() - 1}) {
            std::fill(refs[place].bytes().begin(), refs[place].bytes().end(), std::byte{0});
            gup::prep_read_fixed(r->entry(), file.fd(), std::move(refs[place]), 0);
            const gup_test::completion done = r->submit_and_wait();
            CHECK(done.res == static_cast<int>(page_bytes));
            refs[place] = gup::complete(d, done);
            CHECK(gup_test::same(refs[place].bytes(), content));
        }
}

TEST_CASE("a slab of more GiB than the table has slots is refused before anything is pinned") {
    gup_test::ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    gup::io_uring_domain<> d(r.handle(), {.slots = 1});
    gup::pin_failure failure;
    const auto pool = gup::page_pool<gup::io_uring_domain<>>::try_make(
        d, {.page_size = page_bytes, .pages = gib / page_bytes + 1}, failure);
    CHECK_FALSE(pool);
    CHECK(failure.code.value() == ENOSPC);
    CHECK(gup_test::contains(failure.remedy, "no run of 2 free slots"));
    CHECK(gup_test::slots_of(r).empty());
}

TEST_CASE("operations on more than a GiB of the caller's memory stay within one GiB of it") {
    gup_test::ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    if (!gup_test::have_optional(free_memory() >= 4 * gib, "less than 4 GiB of memory is free")) return;
    gup::io_uring_domain<> d(r.handle());
    const gup_test::private_pages memory((gib + page_bytes) / gup_test::page_bytes());
    gup::pin_failure failure;
    auto pinned = gup::try_get_user_pages(d, memory.all(), failure);
    const bool refused = !pinned && failure.budget == gup::pin_budget::user_locked_vm;
    if (!gup_test::have_optional(!refused, "RLIMIT_MEMLOCK does not allow a GiB")) return;
    REQUIRE(pinned);
    const auto content = gup_test::pattern(page_bytes);
    const gup_test::scratch_file file(content);

    std::error_code error;
    const gup::subrange across{.offset = gib - 4096, .length = 8192};
    gup::prep_read_fixed(r.entry(), file.fd(), std::move(*pinned), 0, {.part = across}, error);
    CHECK(error == std::errc::invalid_argument);
    REQUIRE(*pinned);
    gup::prep_read_fixed(r.entry(), file.fd(), std::move(*pinned), 0, {}, error);
    CHECK(error == std::errc::invalid_argument);
    gup::prep_read_fixed(r.entry(), file.fd(), std::move(*pinned), 0, {.part = {.offset = gib}});
    CHECK(gup::submit(d, r.handle()) == 3);
    const gup_test::completion done = r.wait();
    CHECK(done.res == static_cast<int>(page_bytes));
    auto back = gup::complete(d, done);
    CHECK(gup_test::same(back.bytes().subspan(gib), content));
    gup::put_user_page(std::move(back), gup::clean);
    CHECK(gup_test::slots_of(r).empty());
}
