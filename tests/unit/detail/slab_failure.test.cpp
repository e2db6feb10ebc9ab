// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/slab.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ledger_kernel.hpp"

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <sys/mman.h>

namespace {

using gup::huge_page_size;
using gup::memory_kind;
using gup::pin_failure;
using gup_test::leak_listener;
using gup_test::ledger_kernel;
using ledger_slab = gup::detail::slab<ledger_kernel>;

constexpr std::size_t base = 4096;

bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

/// Gives back what was leaked on purpose, past the failing policy.
void unmap(std::span<const std::byte> range) { ::munmap(const_cast<std::byte*>(range.data()), range.size()); }

} // namespace

TEST_CASE(
    "no bytes, a size that wraps and an alignment that is no power of two are refused before any call") {
    struct request {
        std::size_t bytes, alignment;
    };
    const auto bad =
        GENERATE(request{0, base}, request{SIZE_MAX, base}, request{SIZE_MAX - base + 2, base},
                 request{SIZE_MAX / 2 + 2, std::size_t{1} << 63}, request{base, 0}, request{base, 3 * base});
    ledger_kernel::reset();
    pin_failure failure;
    CHECK_FALSE(ledger_slab::try_map(bad.bytes, memory_kind::small_pages, bad.alignment, failure));
    CHECK(failure.code == std::errc::invalid_argument);
    CHECK(contains(failure.remedy, "power of two"));
    CHECK(ledger_kernel::names.empty());
}

TEST_CASE("any system call of a slab may fail, and nothing is left behind") {
    const auto kind = GENERATE(memory_kind::small_pages, memory_kind::transparent_huge, memory_kind::memfd);
    leak_listener leaks;
    int failed = 0;
    for (int call = 0;; ++call) {
        ledger_kernel::reset();
        ledger_kernel::fail_at = call;
        ledger_kernel::error = ENOMEM;
        pin_failure failure;
        const bool made = ledger_slab::try_map(base, kind, 256 << 20, failure) != nullptr;
        for (const auto& leak : leaks.heard) unmap(leak.range);
        if (call >= ledger_kernel::calls) break;
        CHECK(ledger_kernel::open == 0);
        if (made) { // the failing call was one of the destructor's
            CHECK(leaks.heard.size() ==
                  (ledger_kernel::names.at(static_cast<std::size_t>(call)) == "munmap"));
            leaks.heard.clear();
            continue;
        }
        ++failed;
        CHECK(ledger_kernel::mapped == 0);
        CHECK(leaks.heard.empty());
        CHECK(failure.code == std::errc::not_enough_memory);
        CHECK(failure.call == ledger_kernel::names.at(static_cast<std::size_t>(call)));
        CHECK_FALSE(failure.remedy.empty());
    }
    CHECK(failed >= 3);
}

TEST_CASE("a slab that cannot be unmapped is reported with its range") {
    ledger_kernel::reset();
    leak_listener leaks;
    pin_failure failure;
    auto memory = ledger_slab::try_map(2 * base, memory_kind::memfd, base, failure);
    REQUIRE(memory);
    const auto range = memory->memory();
    ledger_kernel::failing = "munmap";
    ledger_kernel::error = EINVAL;
    memory.reset();
    unmap(range);

    REQUIRE(leaks.heard.size() == 1);
    CHECK(std::string(leaks.heard[0].call) == "munmap");
    CHECK(leaks.heard[0].code == std::errc::invalid_argument);
    CHECK(leaks.heard[0].range.data() == range.data());
    CHECK(leaks.heard[0].range.size() == range.size());
    CHECK(ledger_kernel::open == 0);
}

TEST_CASE("a slab whose surplus cannot be unmapped is reported whole") {
    ledger_kernel::reset();
    leak_listener leaks;
    ledger_kernel::failing = "munmap";
    ledger_kernel::error = ENOMEM;
    pin_failure failure;
    CHECK_FALSE(ledger_slab::try_map(base, memory_kind::small_pages, 64 * base, failure));
    REQUIRE(leaks.heard.size() == 1);
    CHECK(leaks.heard[0].range.size() == ledger_kernel::mapped);
    unmap(leaks.heard[0].range);
}

TEST_CASE("a kernel without huge pages gives small pages and refuses transparent huge ones") {
    ledger_kernel::reset();
    ledger_kernel::failing = "madvise";
    ledger_kernel::error = EINVAL;
    pin_failure failure;
    CHECK(ledger_slab::try_map(base, memory_kind::small_pages, base, failure));
    CHECK_FALSE(ledger_slab::try_map(base, memory_kind::transparent_huge, base, failure));
    CHECK(contains(failure.remedy, "no transparent huge pages"));
    CHECK(ledger_kernel::mapped == 0);
}

TEST_CASE("a refused mapping says what to raise") {
    struct refusal {
        const char* call;
        int error;
        memory_kind kind;
        const char* remedy;
    };
    const auto [call, error, kind, remedy] =
        GENERATE(refusal{"memfd_create", EMFILE, memory_kind::memfd, "ulimit -n"},
                 refusal{"ftruncate", EFBIG, memory_kind::memfd, "ulimit -f"},
                 refusal{"mmap", ENOMEM, memory_kind::small_pages, "ulimit -v"},
                 refusal{"mmap", EAGAIN, memory_kind::small_pages, "ulimit -l"},
                 refusal{"mmap", EINVAL, memory_kind::hugetlb, "no 2 MiB hugetlb pages"});
    ledger_kernel::reset();
    ledger_kernel::failing = call;
    ledger_kernel::error = error;
    pin_failure failure;
    CHECK_FALSE(ledger_slab::try_map(base, kind, base, failure));
    CHECK(failure.code.value() == error);
    CHECK(std::string(failure.call) == call);
    CHECK(contains(failure.remedy, remedy));
}

TEST_CASE("missing hugetlb pages are counted for the administrator") {
    ledger_kernel::reset();
    ledger_kernel::failing = "mmap";
    ledger_kernel::error = ENOMEM;
    const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
    ledger_kernel::files = {
        {pool + "nr_hugepages", "10\n"}, {pool + "free_hugepages", "5\n"}, {pool + "resv_hugepages", "2\n"}};
    pin_failure failure;
    CHECK_FALSE(ledger_slab::try_map(4 * huge_page_size + 1, memory_kind::hugetlb, base, failure));
    // 7 of the 10 are taken or promised, 5 more are needed
    CHECK(contains(failure.remedy, "`echo 12 > /proc/sys/vm/nr_hugepages`"));
    CHECK(contains(failure.remedy, "5 free ones"));
}

TEST_CASE("a limit that is named is the one that was reached") {
    ledger_kernel::reset();
    ledger_kernel::failing = "mmap";
    ledger_kernel::error = ENOMEM;
    pin_failure failure;
    ledger_kernel::files = {{"/proc/self/maps", "1000-2000 rw-p\n"}, {"/proc/sys/vm/max_map_count", "2\n"}};
    CHECK_FALSE(ledger_slab::try_map(base, memory_kind::small_pages, base, failure));
    CHECK(contains(failure.remedy, "vm.max_map_count=4"));
    CHECK_FALSE(contains(failure.remedy, "ulimit -v"));

    ledger_kernel::files = {{"/proc/self/cgroup", "0::/\n"},
                            {"/sys/fs/cgroup/hugetlb.2MB.rsvd.max", "0\n"},
                            {"/sys/fs/cgroup/hugetlb.2MB.rsvd.current", "0\n"}};
    CHECK_FALSE(ledger_slab::try_map(base, memory_kind::hugetlb, base, failure));
    CHECK(contains(failure.remedy, "2097152 to /sys/fs/cgroup/hugetlb.2MB.rsvd.max"));
    CHECK_FALSE(contains(failure.remedy, "nr_hugepages"));
}

TEST_CASE("a process that locks all it maps hears of its budget of locked memory") {
    ledger_kernel::reset();
    ledger_kernel::failing = "mmap";
    ledger_kernel::error = EAGAIN;
    pin_failure failure;
    CHECK_FALSE(ledger_slab::try_map(3 * base, memory_kind::small_pages, base, failure));
    CHECK(failure.budget == gup::pin_budget::locked_vm);
    CHECK(failure.need == 3 * base);
}
