// SPDX-License-Identifier: BSL-1.0
// A limit that a refusal names suffices when it is set.
#include "gup/caller_memory.hpp"
#include "gup/domain/io_uring.hpp"
#include "gup_test/child.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/skip.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

constexpr std::size_t huge = gup::huge_page_size;

/// Memory at a multiple of 2 MiB, touched, of huge pages where there are any.
struct huge_memory {
    explicit huge_memory(std::size_t bytes)
        : mapped(bytes + huge),
          address(static_cast<std::byte*>(
              ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        start = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(address) + huge - 1) &
                                             ~(huge - 1));
        ::madvise(start, bytes, MADV_HUGEPAGE);
        std::memset(start, 1, bytes);
    }
    ~huge_memory() { ::munmap(address, mapped); }
    huge_memory(const huge_memory&) = delete;
    huge_memory& operator=(const huge_memory&) = delete;

    std::size_t mapped;
    std::byte* address;
    std::byte* start;
};

constexpr int pinned = 0;
constexpr int refused = 1;
constexpr int no_ring = 2;

/// In a child: becomes a user of the test's own with this limit, and pins a part of huge memory; prints what
/// a refusal says.
int pin_as_user(std::uint64_t limit, std::size_t offset, std::size_t bytes) {
    const huge_memory memory(3 * huge); // an inherited one would be copied in small pages
    const std::span<std::byte> range(memory.start + offset, bytes);
    const rlimit both{limit, limit};
    if (::setrlimit(RLIMIT_MEMLOCK, &both) != 0 || ::setgid(65521) != 0 || ::setuid(65521) != 0)
        return no_ring;
    gup_test::ring ring(0, 8);
    if (!ring.ok()) return no_ring;
    gup::io_uring_domain domain(ring.handle());
    gup::pin_failure failure;
    // what other rings of this user were charged comes back a little later
    const bool done = gup_test::eventually([&] {
        if (auto ref = gup::try_get_user_pages(domain, range, failure)) return true;
        return failure.need > limit;
    });
    if (done && failure.need <= limit) return pinned;
    std::fprintf(stderr, "%llu %s\n", static_cast<unsigned long long>(failure.need), failure.remedy.c_str());
    return refused;
}

} // namespace

TEST_CASE("of a huge page all is needed, and the limit that the message names suffices") {
    if (!gup_test::have_optional(::getuid() == 0, "needs root, to become a user with a limit")) return;
    const std::uint64_t limit = 1028 * 1024;
    struct part {
        std::size_t offset, bytes;
        std::uint64_t charge;
    };
    for (const auto& [offset, bytes, charge] :
         {part{65536, 4096, huge}, part{huge - 4096, 8192, 2 * huge}, part{0, huge, huge}}) {
        const auto first =
            gup_test::in_child([at = offset, length = bytes] { return pin_as_user(limit, at, length); });
        if (!gup_test::have_optional(!first.exited_with(pinned) && !first.exited_with(no_ring),
                                     "no huge pages, or no ring for another user"))
            return;
        INFO(first.said);
        CHECK(first.exited_with(refused));
        CHECK(std::stoull(first.said) == charge);
        CHECK(first.said_that("memlock " + std::to_string((limit + charge) / 1024) + "`"));

        const auto second = gup_test::in_child([enough = limit + charge, at = offset, length = bytes] {
            return pin_as_user(enough, at, length);
        });
        INFO(second.said);
        CHECK(second.exited_with(pinned));
    }
}
