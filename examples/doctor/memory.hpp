// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Checks of the machine, its locked-memory budgets and its huge pages.

#include "finding.hpp"

#include "gup/domain/mlock.hpp"
#include "gup/memlock_budget.hpp"
#include "gup/memory_kind.hpp"
#include "gup/page_pool.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace doctor {

/// Fresh anonymous memory for a trial; `data()` is null if there is none.
class trial_memory {
public:
    explicit trial_memory(std::size_t bytes)
        : bytes_(bytes),
          data_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
    ~trial_memory() {
        if (data() != nullptr) ::munmap(data_, bytes_);
    }
    trial_memory(const trial_memory&) = delete;
    trial_memory& operator=(const trial_memory&) = delete;

    std::byte* data() const { return data_ == MAP_FAILED ? nullptr : static_cast<std::byte*>(data_); }
    std::size_t size() const { return bytes_; }

private:
    std::size_t bytes_;
    void* data_;
};

constexpr auto see_limit = "see the memlock limit above";

inline finding check_kernel() {
    utsname name{};
    ::uname(&name);
    return {status::ok, "kernel", std::string(name.sysname) + " " + name.release + " " + name.machine, {}};
}

inline finding check_page_size() {
    return {status::ok, "base page size", in_bytes(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))), {}};
}

/// RLIMIT_MEMLOCK, with which the kernel compares three accounts one by one.
inline finding check_limit(const gup::memlock_budget& budget) {
    if (!budget.limit) return {status::ok, "memlock limit", "unlimited", {}};
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    const bool infinite = limit.rlim_max == RLIM_INFINITY;
    std::string found = in_bytes(*budget.limit) + ", may be raised to " +
                        (infinite ? "any value" : in_bytes(limit.rlim_max)) + " by the user";
    if (limit.rlim_max == limit.rlim_cur) found = in_bytes(*budget.limit) + ", which the user cannot raise";
    if (budget.lifted == true)
        return {status::ok, "memlock limit", found + "; CAP_IPC_LOCK lifts it for this process", {}};
    std::string next = "to pin more: " + budget.remedies.raise({});
    if (!infinite && limit.rlim_max > limit.rlim_cur)
        next = "`ulimit -l " + std::to_string(limit.rlim_max / 1024) + "` for all that the user may; " + next;
    return {status::limited, "memlock limit", found, next};
}

inline finding check_capability(const gup::memlock_budget& budget) {
    if (budget.lifted == true) return {status::ok, "CAP_IPC_LOCK", "held: no limit applies", {}};
    if (!budget.lifted)
        return {status::limited, "CAP_IPC_LOCK", "/proc cannot be read to see whether it is held",
                "mount /proc"};
    return {
        status::missing, "CAP_IPC_LOCK", "not held, or only inside a user namespace: the limit applies",
        budget.remedies.file_capability
            ? "`setcap cap_ipc_lock+ep PROGRAM` as root; for io_uring it counts when the ring is made"
            : "this process cannot have it, because of no_new_privs, its bounding set or its user namespace: "
              "raise the limit"};
}

/// One of the two accounts that can be read.
inline finding check_account(const gup::memlock_budget& budget, gup::pin_budget account,
                             const char* subject) {
    const auto used = budget.used(account);
    const auto left = budget.available(account);
    if (!used) return {status::limited, subject, "use cannot be read", "mount /proc"};
    if (!left) return {status::ok, subject, in_bytes(*used) + " used, no limit", {}};
    return {*left == 0 ? status::missing : status::limited, subject,
            in_bytes(*used) + " used, " + in_bytes(*left) + " left", see_limit};
}

/// Locks one page for real and looks whether the kernel charged it.
inline finding check_mlock() {
    const trial_memory page(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
    if (page.data() == nullptr) return tried("mlock", -ENOMEM, {}, "free memory");
    const auto before = gup::memlock_budget::read().locked_vm;
    if (const int result = gup::system_kernel::mlock(page.data(), page.size()); result < 0)
        return tried("mlock", result, {}, see_limit);
    const auto after = gup::memlock_budget::read().locked_vm;
    if (before && before == after)
        return {status::limited, "mlock", "accepted, but nothing was charged to VmLck",
                "a sandbox seems to ignore mlock: run outside it"};
    return {status::ok, "mlock", "locked one page and it was charged to VmLck", {}};
}

inline finding check_transparent_huge_pages() {
    constexpr auto subject = "transparent huge pages";
    constexpr auto enable = "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled` as root";
    const std::string mode = read_line("/sys/kernel/mm/transparent_hugepage/enabled");
    if (mode.empty()) return {status::missing, subject, "this kernel has none", "use hugetlb pages"};
    if (mode.find("[never]") != mode.npos) return {status::missing, subject, "mode " + mode, enable};

    const auto resident = [] {
        std::string text;
        gup::system_kernel::read_text("/proc/self/smaps_rollup", text);
        const auto line = text.find("AnonHugePages:");
        return line == text.npos
                   ? 0
                   : std::strtoull(text.c_str() + line + std::strlen("AnonHugePages:"), nullptr, 10);
    };
    const trial_memory memory(2 * gup::huge_page_size); // holds one aligned huge page wherever it starts
    if (memory.data() == nullptr) return tried(subject, -ENOMEM, {}, enable);
    ::madvise(memory.data(), memory.size(), MADV_HUGEPAGE);
    const auto before = resident();
    memory.data()[gup::huge_page_size] = std::byte{1};
    if (resident() > before) return {status::ok, subject, "mode " + mode + "; got one for a try", {}};
    return {status::limited, subject, "mode " + mode + ", but none was free for a try",
            "free memory, or `echo 1 > /proc/sys/vm/compact_memory` as root"};
}

/// One row for each size of hugetlb page that the kernel knows, smallest first.
inline std::vector<finding> check_hugetlb() {
    const std::string directory = "/sys/kernel/mm/hugepages/";
    std::vector<std::uint64_t> sizes; // kB, from names such as hugepages-2048kB
    for (const auto& name : names_in(directory))
        sizes.push_back(std::strtoull(name.c_str() + std::strlen("hugepages-"), nullptr, 10));
    std::sort(sizes.begin(), sizes.end());

    std::vector<finding> rows;
    for (const auto size : sizes) {
        const std::string pool = directory + "hugepages-" + std::to_string(size) + "kB/";
        const auto total = read_number(pool + "nr_hugepages");
        const auto free = read_number(pool + "free_hugepages");
        finding row{status::ok,
                    "hugetlb pages of " + with_unit(size * 1024),
                    std::to_string(total) + " reserved, " + std::to_string(free) + " free",
                    {}};
        if (free == 0) {
            row.state = total == 0 ? status::missing : status::limited;
            row.next = "as root, best right after boot: `echo NUMBER > " + pool + "nr_hugepages`";
        }
        rows.push_back(row);
    }
    if (rows.empty())
        rows.push_back(
            {status::missing, "hugetlb pages", "this kernel has none", "use transparent huge pages"});
    return rows;
}

/// One page of each kind of memory that a pool can have, touched: what is reserved, or mapped, is not
/// granted.
inline std::vector<finding> check_memory_kinds() {
    using gup::memory_kind;
    std::vector<finding> rows;
    for (const auto kind : {memory_kind::small_pages, memory_kind::transparent_huge, memory_kind::hugetlb,
                            memory_kind::memfd}) {
        const bool huge = kind == memory_kind::hugetlb || kind == memory_kind::transparent_huge;
        const gup::pool_options one{.page_size = huge ? gup::huge_page_size : 4096,
                                    .pages = 1,
                                    .memory = kind,
                                    .fallback = gup::pin_fallback::unpinned};
        const std::string subject = std::string("a pool of ") + to_string(kind);
        gup::pin_failure failure;
        if (auto pool = gup::page_pool<gup::mlock_domain>::try_make(gup::mlock_domain{}, one, failure)) {
            auto page = gup::get_user_page(*pool);
            page.bytes()[0] = std::byte{1};
            gup::put_user_page(std::move(page), gup::dirty);
            rows.push_back({status::ok, subject, "made one of a page, and touched it", {}});
        } else {
            rows.push_back({status::missing, subject,
                            std::string(failure.call) + ": " + error_text(failure.code.value()),
                            failure.remedy});
        }
    }
    return rows;
}

inline void check_memory(std::vector<finding>& report) {
    const auto budget = gup::memlock_budget::read();
    report.push_back(check_kernel());
    report.push_back(check_page_size());
    report.push_back(check_limit(budget));
    report.push_back(check_capability(budget));
    report.push_back(check_account(budget, gup::pin_budget::locked_vm, "budget VmLck (mlock)"));
    report.push_back(check_account(budget, gup::pin_budget::pinned_vm, "budget VmPin (RDMA)"));
    report.push_back(check_mlock());
    report.push_back(check_transparent_huge_pages());
    for (auto& row : check_hugetlb()) report.push_back(std::move(row));
    for (auto& row : check_memory_kinds()) report.push_back(std::move(row));
}

} // namespace doctor
