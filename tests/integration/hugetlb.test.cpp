// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/slab.hpp"

#include "gup/caller_memory.hpp"
#include "gup/domain/io_uring.hpp"
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/skip.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace {

using gup::huge_page_size;
using gup::memory_kind;
using gup::pin_failure;
using gup::detail::slab;

constexpr std::size_t base = 4096;

/// Keeps at least `pages` huge pages free in the machine's reserve, and gives the number of before back.
class reserved_huge_pages {
public:
    explicit reserved_huge_pages(std::uint64_t pages) {
        std::ifstream(path) >> before_;
        std::ofstream(path) << before_ + pages;
        std::uint64_t now = 0;
        std::ifstream(path) >> now;
        enough_ = now >= before_ + pages;
    }
    ~reserved_huge_pages() { std::ofstream(path) << before_; }
    reserved_huge_pages(const reserved_huge_pages&) = delete;
    reserved_huge_pages& operator=(const reserved_huge_pages&) = delete;

    bool enough() const { return enough_; }

private:
    static constexpr auto path = "/proc/sys/vm/nr_hugepages";
    std::uint64_t before_ = 0;
    bool enough_ = false;
};

/// A control group that allows so many bytes of hugetlb pages, for children that enter it.
class limited_group {
public:
    explicit limited_group(std::uint64_t bytes) {
        for (const std::string root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
            std::ifstream controllers(root + "/cgroup.controllers");
            for (std::string name; controllers >> name;)
                if (name == "hugetlb") root_ = root;
        }
        if (root_.empty()) return;
        std::ifstream enabled(root_ + "/cgroup.subtree_control");
        for (std::string name; enabled >> name;) was_enabled_ |= name == "hugetlb";
        std::ofstream(root_ + "/cgroup.subtree_control") << "+hugetlb";
        path_ = root_ + "/gup-test-" + std::to_string(::getpid());
        made_ = ::mkdir(path_.c_str(), 0755) == 0;
        std::ofstream limit(path_ + "/hugetlb.2MB.max");
        ok_ = static_cast<bool>(limit << bytes << std::flush);
    }
    ~limited_group() {
        if (made_) ::rmdir(path_.c_str());
        if (made_ && !was_enabled_) std::ofstream(root_ + "/cgroup.subtree_control") << "-hugetlb";
    }
    limited_group(const limited_group&) = delete;
    limited_group& operator=(const limited_group&) = delete;

    bool ok() const { return ok_; }
    const std::string& path() const { return path_; }
    bool enter() const {
        return static_cast<bool>(std::ofstream(path_ + "/cgroup.procs") << ::getpid() << std::flush);
    }

private:
    std::string root_, path_;
    bool was_enabled_ = false;
    bool made_ = false;
    bool ok_ = false;
};

/// The hugetlb memory of a caller.
struct hugetlb_mapping {
    explicit hugetlb_mapping(std::size_t pages)
        : bytes(pages * huge_page_size),
          address(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
                         -1, 0)) {}
    ~hugetlb_mapping() {
        if (address != MAP_FAILED) ::munmap(address, bytes);
    }
    hugetlb_mapping(const hugetlb_mapping&) = delete;
    hugetlb_mapping& operator=(const hugetlb_mapping&) = delete;
    std::span<std::byte> all() const { return {static_cast<std::byte*>(address), bytes}; }
    std::size_t bytes;
    void* address;
};

bool aligned(const std::byte* address, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("hugetlb memory comes from the reserve, whole pages, and goes back to it") {
    const reserved_huge_pages reserve{2};
    if (!gup_test::have_optional(reserve.enough(),
                                 "no huge pages can be reserved: needs root and free memory"))
        return;
    pin_failure failure;
    {
        const auto memory = slab<>::try_map(huge_page_size + 1, memory_kind::hugetlb, base, failure);
        REQUIRE(memory);
        CHECK(memory->kind() == memory_kind::hugetlb);
        CHECK(memory->memory().size() == huge_page_size + 1);
        CHECK(memory->page_size_got() == huge_page_size);
        CHECK(aligned(memory->memory().data(), huge_page_size));
        memory->memory().back() = std::byte{1};
        CHECK_FALSE(slab<>::try_map(huge_page_size, memory_kind::hugetlb, base, failure));
        CHECK(contains(failure.remedy, "/proc/sys/vm/nr_hugepages"));
    }
    CHECK(slab<>::try_map(2 * huge_page_size, memory_kind::hugetlb, base, failure));
}

TEST_CASE("hugetlb memory can start at a larger alignment than its pages") {
    const reserved_huge_pages reserve{4};
    if (!gup_test::have_optional(reserve.enough(),
                                 "no huge pages can be reserved: needs root and free memory"))
        return;
    pin_failure failure;
    const auto memory = slab<>::try_map(huge_page_size, memory_kind::hugetlb, 4 * huge_page_size, failure);
    REQUIRE(memory);
    CHECK(aligned(memory->memory().data(), 4 * huge_page_size));
    memory->memory().back() = std::byte{1};
}

TEST_CASE("no pool of hugetlb pages that a control group forbids, pinned or not, and the limit is named") {
    const reserved_huge_pages reserve{8};
    const limited_group group{huge_page_size};
    if (!gup_test::have_optional(reserve.enough() && group.ok(),
                                 "needs root, free memory and the hugetlb controller of cgroup 2"))
        return;
    const auto child = gup_test::in_child([&] {
        if (!group.enter()) return 1;
        const auto refused = [&](const gup::pin_failure& failure) {
            std::fprintf(stderr, "%s\n", failure.message().c_str());
            return contains(failure.message(), (group.path() + "/hugetlb.2MB.max").c_str());
        };
        for (const auto fallback : {gup::pin_fallback::refuse, gup::pin_fallback::unpinned}) {
            const gup::pool_options options{.page_size = huge_page_size,
                                            .pages = 3,
                                            .memory = memory_kind::hugetlb,
                                            .fallback = fallback};
            gup_test::ring ring;
            gup::pin_failure failure;
            using gup::io_uring_domain, gup::mlock_domain;
            if (ring.ok()) {
                io_uring_domain<> domain(ring.handle());
                if (gup::page_pool<io_uring_domain<>>::try_make(domain, options, failure)) return 2;
                if (!refused(failure)) return 3;
            }
            for (const auto mode : {gup::mlock_mode::populate, gup::mlock_mode::on_fault}) {
                if (gup::page_pool<mlock_domain>::try_make(mlock_domain{{mode}}, options, failure)) return 4;
                if (!refused(failure)) return 5;
            }
        }
        return 0;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
}

TEST_CASE("the caller's hugetlb pages that a control group forbids are refused with its limit") {
    const reserved_huge_pages reserve{4};
    const limited_group group{huge_page_size};
    if (!gup_test::have_optional(reserve.enough() && group.ok(),
                                 "needs root, free memory and the hugetlb controller of cgroup 2"))
        return;
    const auto child = gup_test::in_child([&] {
        if (!group.enter()) return 1;
        const hugetlb_mapping memory(2);
        if (memory.address == MAP_FAILED) return 2;
        gup::pin_failure failure;
        gup_test::ring ring;
        const auto named = [&] {
            std::fprintf(stderr, "%s\n", failure.message().c_str());
            return contains(failure.message(), "hugetlb.2MB.max");
        };
        if (ring.ok()) {
            gup::io_uring_domain domain(ring.handle());
            if (gup::try_get_user_pages(domain, memory.all(), failure) || !named()) return 3;
            if (domain.try_pin(memory.all(), gup::dma_access::read, failure) || !named()) return 4;
        }
        gup::mlock_domain locks;
        if (gup::try_get_user_pages(locks, memory.all(), failure) || !named()) return 5;
        return 0;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
}

TEST_CASE("a process with a pinned pool of all hugetlb pages can fork") {
    const reserved_huge_pages reserve{4}; // older kernels unpin those of the first pool late
    if (!gup_test::have_optional(reserve.enough(),
                                 "no huge pages can be reserved: needs root and free memory"))
        return;
    gup_test::ring ring;
    if (!gup_test::have(ring.ok(), ring.why_not())) return;
    gup::io_uring_domain domain(ring.handle());
    for (const auto policy : {gup::fork_policy::automatic, gup::fork_policy::copy}) {
        gup::page_pool pool(
            domain,
            {.page_size = huge_page_size, .pages = 2, .memory = memory_kind::hugetlb, .fork = policy});
        auto pages = gup::get_user_pages(pool, 2);
        for (auto& page : pages) page.bytes()[0] = std::byte{1};
        const pid_t child = ::fork();
        if (child == 0) ::_exit(0);
        // a kernel whose pinned pages need no copy (before 5.11) forks, too
        if (policy == gup::fork_policy::automatic) CHECK(child > 0);
        if (child > 0) ::waitpid(child, nullptr, 0);
        gup::put_user_pages(std::move(pages), gup::dirty);
    }
}
