// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the trials of io_uring mean, and what to do about those that failed.

#include "io_uring.hpp"

#include "gup/memlock_budget.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

namespace doctor {

constexpr auto allow_system_calls = "a seccomp profile or security module forbids it: allow io_uring_setup, "
                                    "io_uring_enter and io_uring_register";

/// Why no ring can be made, from the errno and the system's switch.
inline finding explain_no_ring(int error) {
    const std::string disabled = read_line("/proc/sys/kernel/io_uring_disabled");
    finding row = tried("io_uring", error, {}, "free memory");
    if (error == -ENOSYS) {
        row.next = "boot a kernel built with CONFIG_IO_URING; in a container, a seccomp profile that allows "
                   "io_uring";
    } else if (error == -EPERM && (disabled == "1" || disabled == "2")) {
        row.found += " (kernel.io_uring_disabled is " + disabled + ")";
        row.next = "`sysctl kernel.io_uring_disabled=0` as root";
        if (disabled == "1") row.next += ", or join the group that kernel.io_uring_group names";
    } else if (error == -EPERM) {
        row.next =
            "a seccomp profile or security module forbids it: allow io_uring_setup, io_uring_enter and "
            "io_uring_register";
    } else if (error == -ENOMEM) {
        gup::pin_failure failure;
        failure.need = 64 * 1024; // ample for rings this small
        failure.code = std::error_code(-error, std::generic_category());
        if (gup::memlock_budget::read().explain(gup::pin_budget::user_locked_vm, failure))
            row.next = failure.remedy;
    }
    return row;
}

inline finding check_ring() {
    const tiny_ring ring;
    if (ring.error() < 0) return explain_no_ring(ring.error());
    const std::string disabled = read_line("/proc/sys/kernel/io_uring_disabled");
    if (disabled != "1") return {status::ok, "io_uring", "made a ring", {}};
    return {
        status::limited, "io_uring", "made a ring; others may not (kernel.io_uring_disabled is 1)",
        "`sysctl kernel.io_uring_disabled=0` as root, or join the group that kernel.io_uring_group names"};
}

/// The account that no file shows, measured by what a ring accepts.
inline finding check_user_account() {
    constexpr auto subject = "budget of the user (io_uring)";
    constexpr std::size_t most_tried = std::size_t{64} << 20;
    const auto left = gup::memlock_budget::read().available(gup::pin_budget::user_locked_vm);
    if (!left) return {status::ok, subject, "no limit for rings that this process makes", {}};
    tiny_ring ring;
    if (ring.error() < 0) return {status::missing, subject, "no ring can be made", "see io_uring above"};
    const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(*left, most_tried));
    const std::size_t fits = room_of_user(ring, most);
    if (fits == most_tried)
        return {status::limited, subject, "at least " + in_bytes(fits) + " can be registered now", see_limit};
    return {fits == 0 ? status::missing : status::limited, subject,
            in_bytes(fits) + " can be registered now; rings of this user take the rest, this one too",
            "see the memlock limit above, or end other programs of this user that use io_uring"};
}

/// Does each thing that gup does with registered buffers, in an order in which each trial needs the one
/// before.
inline void check_buffers(std::vector<finding>& report) {
    constexpr auto newer = "a newer kernel";
    constexpr auto see_budget = "see the budget of the user above";
    const bool limited = gup::memlock_budget::read().available(gup::pin_budget::user_locked_vm).has_value();
    const auto unless_short = [&](int result, const char* next) {
        return result != -ENOMEM ? next : limited ? see_budget : "free memory";
    };
    const trial_memory page(trial_bytes);
    if (page.data() == nullptr) {
        report.push_back(tried("io_uring fixed buffers", -ENOMEM, {}, "free memory"));
        return;
    }
    tiny_ring plain;
    const int fixed = plain.error() < 0 ? plain.error() : try_fixed_buffer(plain, page);
    report.push_back(tried("io_uring fixed buffers", fixed, "registered a page and read a file into it",
                           unless_short(fixed, allow_system_calls)));
    if (fixed < 0) return;

    constexpr std::uint64_t tag = 0x677570;
    tiny_ring table;
    const auto add = [&](const char* subject, int result, const char* works, const char* next) {
        report.push_back(tried(subject, result, works, unless_short(result, next)));
    };
    const int sparse = table.error() < 0 ? table.error() : try_sparse_table(table, page, tag);
    add("io_uring sparse tables", sparse, "put a page into a slot of an empty table",
        "Linux 5.19 or later: until then every pool needs a ring of its own");
    add("io_uring buffer tags", sparse < 0 ? sparse : try_tag(table, tag),
        "the kernel said when it let go of a cleared slot", "Linux 5.13 or later");
    add("io_uring clone buffers", try_clone(plain, page, 0), "a second ring shares the registered pages",
        "Linux 6.12 or later: until then every ring is charged for itself");
    add("io_uring clone into table", try_clone(plain, page, 8), "cloned into the last slot of a table in use",
        "Linux 6.13 or later: until then only into a ring without a table");
    add("io_uring zero copy send", try_zero_copy_send(plain, page),
        "sent a registered page to ourselves and got both completions", newer);
    const tiny_ring single(IORING_SETUP_SINGLE_ISSUER);
    add("io_uring single issuer", single.error(), "made a ring for one thread", newer);
}

inline void check_io_uring(std::vector<finding>& report) {
    report.push_back(check_ring());
    if (report.back().state == status::missing) return;
    report.push_back(check_user_account());
    check_buffers(report);
}

} // namespace doctor
