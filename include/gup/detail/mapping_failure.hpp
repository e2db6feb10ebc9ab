// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Says why memory of a kind could not be had: which limit, and what raises it.

#include "gup/detail/hugetlb_limit.hpp"
#include "gup/detail/proc_text.hpp"
#include "gup/detail/vma.hpp"
#include "gup/error.hpp"
#include "gup/memlock_budget.hpp"
#include "gup/memory_kind.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gup::inline GUP_NAMESPACE::detail {

/// How many huge pages must be in the machine's reserve before `bytes` more of them can be mapped.
template <class Kernel>
std::uint64_t huge_pages_wanted(std::size_t bytes) {
    const auto count = [](const char* path) {
        std::string text;
        return Kernel::read_text(path, text) == 0 ? leading_number(text).value_or(0) : 0;
    };
    const std::uint64_t total = count("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    const std::uint64_t free = count("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    const std::uint64_t reserved = count("/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages");
    const std::uint64_t usable = free > reserved ? free - reserved : 0;
    return bytes / huge_page_size + (total > usable ? total - usable : 0);
}

/// What the user can do when `call` for `bytes` bytes of memory fails.
template <class Kernel>
std::string mapping_remedy(std::string_view call, int code, memory_kind kind, std::size_t bytes) {
    if (call == "memfd_create" && (code == EMFILE || code == ENFILE))
        return "raise the number of open files with `ulimit -n` or fs.file-max";
    if (call == "ftruncate") return "raise the largest file size with `ulimit -f`";
    if (call == "madvise" && code == EINVAL)
        return "this kernel has no transparent huge pages: ask for another memory kind";
    if (code == ENOMEM)
        if (auto mappings = explain_map_count<Kernel>(); !mappings.empty()) return mappings;
    if (call == "mmap" && kind == memory_kind::hugetlb) {
        if (code == EINVAL) return "this kernel has no 2 MiB hugetlb pages: ask for another memory kind";
        if (auto limit = explain_hugetlb_limit<Kernel>(hugetlb_step::mapped, huge_page_size, bytes);
            !limit.empty())
            return limit;
        return "reserve huge pages as root with `echo " + std::to_string(huge_pages_wanted<Kernel>(bytes)) +
               " > /proc/sys/vm/nr_hugepages`: " + std::to_string(bytes / huge_page_size) +
               " free ones are needed";
    }
    return "needs " + std::to_string(bytes) +
           " bytes: free memory, or see `ulimit -v`, `ulimit -d` and vm.overcommit_memory";
}

/// Fills in a failed call; false, so that a caller can return it.
template <class Kernel>
bool refuse_mapping(pin_failure& failure, const char* call, int result, memory_kind kind, std::size_t bytes) {
    refuse(failure, -result, call);
    if (std::string_view(call) == "mmap" &&
        result == -EAGAIN) { // mlockall(MCL_FUTURE): all that is mapped is locked
        fill_budget(memlock_budget::read<Kernel>(), pin_budget::locked_vm, bytes, failure);
        return false;
    }
    failure.remedy = mapping_remedy<Kernel>(call, -result, kind, bytes);
    return false;
}

} // namespace gup::inline GUP_NAMESPACE::detail
