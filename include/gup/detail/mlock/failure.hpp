// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Says why the kernel refused to lock memory: its one errno, ENOMEM, stands for six different causes.

#include "gup/detail/absent_memory.hpp"
#include "gup/detail/mlock/transaction.hpp"
#include "gup/detail/proc_text.hpp"
#include "gup/detail/vma.hpp"
#include "gup/error.hpp"
#include "gup/kernel.hpp"
#include "gup/memlock_budget.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// What the list of mappings says about a range.
struct mapping_report {
    std::size_t mappings = 0;    ///< of the whole process
    std::uintptr_t unmapped = 0; ///< first address of the range in no mapping; its end if there is none
    std::optional<page_range> inaccessible{}; ///< first part of it that is mapped without any access
};

inline mapping_report report_mappings(std::string_view maps, page_range pages) {
    mapping_report report{.unmapped = pages.begin};
    for_each_vma(maps, [&](const vma& mapping) {
        ++report.mappings;
        const page_range part = intersection(mapping.pages, pages);
        if (part.empty()) return;
        if (part.begin <= report.unmapped) report.unmapped = part.end;
        if (!mapping.accessible() && !report.inaccessible) report.inaccessible = part;
    });
    return report;
}

/// Why memory within the budget could not be locked.
template <class Kernel>
std::string explain_enomem(page_range pages) {
    std::string text;
    if (Kernel::read_text("/proc/self/maps", text) == 0) {
        const mapping_report report = report_mappings(text, pages);
        if (report.unmapped < pages.end)
            return "nothing is mapped at " + hexadecimal(report.unmapped) +
                   ": pin only memory that is mapped";
        if (report.inaccessible)
            return "the memory at " + hexadecimal(report.inaccessible->begin) +
                   " is mapped without access (PROT_NONE): allow access with mprotect first";
        if (auto mappings = explain_map_count<Kernel>(report.mappings); !mappings.empty()) return mappings;
    }
    if (const auto absent = find_absent<Kernel>(pages)) return why_absent<Kernel>(*absent, pages.size());
    return "the kernel could not bring in a page of it: memory beyond the end of its file, or secret memory, "
           "cannot be populated; extend the file, or pin with mlock_mode::on_fault";
}

template <class Kernel>
std::string explain_errno(const lock_refusal& refusal) {
    switch (refusal.error) {
    case ENOMEM:
        return explain_enomem<Kernel>(refusal.pages);
    case EAGAIN:
        return "the system, or the memory cgroup, has too little free memory to bring all pages in: pin "
               "less, free memory, or raise memory.max of the cgroup";
    case EPERM:
        return "locking memory is forbidden here, by a seccomp filter or a security module, not by a limit";
    case ENOSYS:
        return refusal.call == std::string_view("mlock2")
                   ? "the kernel lacks mlock2 (Linux 4.4), or a seccomp filter hides it: use "
                     "mlock_mode::populate"
                   : "the call is hidden by a seccomp filter, as a sandbox's: allow it there";
    default:
        return "the kernel refused for a reason that gup does not know";
    }
}

/// Fills in everything but the range. Throws std::bad_alloc.
template <class Kernel>
void explain_refusal(const lock_refusal& refusal, pin_failure& failure) {
    failure.code = errno_code(refusal.error);
    failure.call = refusal.call;
    pin_failure budget = failure;
    budget.need = refusal.need;
    if (memlock_budget::read<Kernel>().explain(pin_budget::locked_vm, budget))
        failure = std::move(budget);
    else
        failure.remedy = explain_errno<Kernel>(refusal);
}

} // namespace gup::inline GUP_NAMESPACE::detail
