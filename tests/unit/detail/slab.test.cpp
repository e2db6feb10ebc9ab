// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/slab.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/skip.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using gup::huge_page_size;
using gup::memory_kind;
using gup::pin_failure;
using gup::detail::slab;
using gup_test::ledger_kernel;

constexpr std::size_t base = 4096;

using ledger_slab = slab<ledger_kernel>;

bool aligned(const std::byte* address, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("a slab is zeroed, writable, of the size asked for and at the alignment asked for") {
    const auto kind = GENERATE(memory_kind::small_pages, memory_kind::transparent_huge, memory_kind::memfd);
    const std::size_t alignment = GENERATE(std::size_t{1}, base, std::size_t{1} << 17, std::size_t{8} << 20);
    const std::size_t bytes = GENERATE(std::size_t{1}, base, 3 * base + 5, huge_page_size + base);
    ledger_kernel::reset();
    {
        pin_failure failure;
        const auto memory = ledger_slab::try_map(bytes, kind, alignment, failure);
        REQUIRE(memory);
        CHECK(memory->kind() == kind);
        CHECK(memory->memory().size() == bytes);
        CHECK(aligned(memory->memory().data(), std::max(alignment, base)));
        if (kind == memory_kind::transparent_huge) CHECK(aligned(memory->memory().data(), huge_page_size));
        CHECK(memory->memory().back() == std::byte{0});
        std::memset(memory->memory().data(), 0x5a, bytes);
        CHECK(memory->memory().back() == std::byte{0x5a});
        CHECK(ledger_kernel::mapped == (bytes + base - 1) / base * base);
    }
    CHECK(ledger_kernel::mapped == 0);
    CHECK(ledger_kernel::open == 0);
}

TEST_CASE("automatic memory is huge from 2 MiB on, where the machine has huge pages") {
    ledger_kernel::reset();
    pin_failure failure;
    const auto kind_of = [&](std::size_t bytes) {
        const auto memory = ledger_slab::try_map(bytes, memory_kind::automatic, base, failure);
        REQUIRE(memory);
        return memory->kind();
    };
    CHECK(kind_of(huge_page_size - 1) == memory_kind::small_pages);
    CHECK(kind_of(huge_page_size) == memory_kind::transparent_huge);

    ledger_kernel::files["/sys/kernel/mm/transparent_hugepage/enabled"] = "always madvise [never]\n";
    CHECK(kind_of(huge_page_size) == memory_kind::small_pages);
    ledger_kernel::files.clear();
    CHECK(kind_of(huge_page_size) == memory_kind::small_pages);
}

TEST_CASE("each kind of anonymous memory gives the kernel its own advice") {
    ledger_kernel::reset();
    pin_failure failure;
    REQUIRE(ledger_slab::try_map(base, memory_kind::small_pages, base, failure));
    REQUIRE(ledger_slab::try_map(base, memory_kind::transparent_huge, base, failure));
    REQUIRE(ledger_slab::try_map(base, memory_kind::memfd, base, failure));
    CHECK(ledger_kernel::advice == std::vector<int>{MADV_NOHUGEPAGE, MADV_HUGEPAGE});
}

TEST_CASE("a transparent huge slab says whether it got huge pages") {
    std::string mode;
    gup::system_kernel::read_text("/sys/kernel/mm/transparent_hugepage/enabled", mode);
    if (!gup_test::have_optional(!mode.empty() && !contains(mode, "[never]"),
                                 "transparent huge pages are off"))
        return;
    pin_failure failure;
    const auto memory = slab<>::try_map(2 * huge_page_size, memory_kind::transparent_huge, base, failure);
    REQUIRE(memory);
    CHECK(memory->page_size_got() == base); // nothing is resident yet
    std::memset(memory->memory().data(), 1, memory->memory().size());
    CHECK(memory->page_size_got() == huge_page_size);
}

TEST_CASE("a slab of small pages has small pages even where huge ones are the rule") {
    pin_failure failure;
    const auto memory =
        slab<>::try_map(2 * huge_page_size, memory_kind::small_pages, huge_page_size, failure);
    REQUIRE(memory);
    std::memset(memory->memory().data(), 1, memory->memory().size());
    CHECK(memory->page_size_got() == base);
    std::string smaps;
    REQUIRE(gup::system_kernel::read_text("/proc/self/smaps", smaps) == 0);
    const auto first = reinterpret_cast<std::uintptr_t>(memory->memory().data());
    const auto now = gup::detail::read_residency(smaps, first, first + memory->memory().size());
    CHECK(now.resident >= memory->memory().size());
    CHECK(now.huge == 0);
}

TEST_CASE("residency counts the mappings that overlap the range, and no others") {
    constexpr auto smaps = "1000-3000 rw-p 00000000 00:00 0\nRss:     8 kB\nAnonHugePages:  4 kB\n"
                           "VmFlags: rd wr mr\n"
                           "3000-5000 rw-p 00000000 00:00 0 [heap]\nRss:    16 kB\nShmemPmdMapped: 2 kB\n"
                           "abc000-abd000 r--p 00000000 fe:00 7 /lib/a-b.so\nRss:    32 kB\n";
    using gup::detail::read_residency;
    CHECK(read_residency(smaps, 0x2000, 0x3000).resident == 8 * 1024);
    CHECK(read_residency(smaps, 0x2000, 0x3000).huge == 4 * 1024);
    CHECK(read_residency(smaps, 0x2000, 0x3001).resident == 24 * 1024);
    CHECK(read_residency(smaps, 0x2000, 0x3001).huge == 6 * 1024);
    CHECK(read_residency(smaps, 0xabc000, 0xabc001).resident == 32 * 1024);
    CHECK(read_residency(smaps, 0x5000, 0xabc000).resident == 0);
    CHECK(read_residency("", 0, 1).resident == 0);
}

TEST_CASE("a slab counts as huge if more than half of what is resident is") {
    ledger_kernel::reset();
    pin_failure failure;
    const auto kind = GENERATE(memory_kind::transparent_huge, memory_kind::memfd);
    const auto memory = ledger_slab::try_map(2 * huge_page_size, kind, base, failure);
    REQUIRE(memory);
    char range[64];
    std::snprintf(range, sizeof range, "%lx-ffffffffffff rw-p\nRss: 4096 kB\nAnonHugePages: ",
                  reinterpret_cast<unsigned long>(memory->memory().data()));
    ledger_kernel::files["/proc/self/smaps"] = range + std::string("2048 kB\n");
    CHECK(memory->page_size_got() == base);
    ledger_kernel::files["/proc/self/smaps"] = range + std::string("2052 kB\n");
    CHECK(memory->page_size_got() == huge_page_size);
}

TEST_CASE("a page size that cannot be read is taken to be small") {
    ledger_kernel::reset();
    pin_failure failure;
    const auto memory = ledger_slab::try_map(huge_page_size, memory_kind::transparent_huge, base, failure);
    REQUIRE(memory);
    CHECK(memory->page_size_got() == base);
}

TEST_CASE("a memfd slab shares its bytes through its descriptor") {
    const std::size_t alignment = GENERATE(std::size_t{1}, std::size_t{8} << 20);
    pin_failure failure;
    auto memory = slab<>::try_map(2 * base, memory_kind::memfd, alignment, failure);
    INFO(failure.message());
    REQUIRE(memory);
    REQUIRE(memory->memfd() >= 0);
    CHECK((::fcntl(memory->memfd(), F_GETFD) & FD_CLOEXEC) != 0);
    if (alignment == 1) CHECK(memory->memfd_offset() == 0);
    memory->memory()[base] = std::byte{42};
    std::byte seen{};
    const auto offset = static_cast<off_t>(memory->memfd_offset() + base);
    REQUIRE(::pread(memory->memfd(), &seen, 1, offset) == 1);
    CHECK(seen == std::byte{42});

    struct stat status {};
    const int fd = memory->memfd();
    REQUIRE(::fstat(fd, &status) == 0);
    CHECK(static_cast<std::size_t>(status.st_size) == memory->memfd_offset() + 2 * base);
    memory.reset();
    CHECK(::fstat(fd, &status) != 0);
}

TEST_CASE("anonymous slabs have no descriptor") {
    pin_failure failure;
    const auto memory = slab<>::try_map(base, memory_kind::small_pages, base, failure);
    REQUIRE(memory);
    CHECK(memory->memfd() == -1);
    CHECK(memory->memfd_offset() == 0);
}
