// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Memory that is mapped and that the kernel will not bring in: hugetlb pages under the limit of a control
/// group, what lies beyond the end of its file. Touching it raises SIGBUS, and a pin of it is refused as if
/// its kind were wrong: brought in here, without touching it, before anybody is given it.

#include "gup/detail/hugetlb_limit.hpp"
#include "gup/detail/page_range.hpp"
#include "gup/detail/proc_text.hpp"
#include "gup/detail/smaps.hpp"
#include "gup/error.hpp"
#include "gup/kernel.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/types.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace gup::inline GUP_NAMESPACE::detail {

/// madvise(2), since Linux 5.14: 0 if all pages are in, -EFAULT where touching one would raise a signal,
/// -EINVAL if this kernel cannot tell.
template <class Kernel>
int populate(page_range pages, int advice) noexcept {
    int result = 0;
    do {
        result = Kernel::madvise(reinterpret_cast<void*>(pages.begin), pages.size(), advice);
    } while (result == -EINTR);
    return result;
}

/// Brings in memory that is new, and so all zero: 0 or -errno.
template <class Kernel>
int populate_new(page_range pages) noexcept {
    if (const int result = populate<Kernel>(pages, MADV_POPULATE_WRITE); result != -EINVAL) return result;
    // an older kernel: reading zeroes brings pages in as well, and fails where it cannot
    const int zeroes = Kernel::memfd_create("gup zeroes", MFD_CLOEXEC);
    if (zeroes < 0) return zeroes;
    ssize_t got = Kernel::ftruncate(zeroes, pages.size());
    while (got >= 0 && !pages.empty()) {
        got = Kernel::pread(zeroes, reinterpret_cast<void*>(pages.begin), pages.size(), 0);
        if (got > 0) pages.begin += static_cast<std::size_t>(got);
        if (got == 0) got = -EIO;
        if (got == -EINTR) got = 0;
    }
    Kernel::close(zeroes);
    return got < 0 ? static_cast<int>(got) : 0;
}

/// The first page that cannot be brought in to be read; empty if all can, or the kernel cannot tell.
template <class Kernel>
std::optional<std::uintptr_t> find_absent(page_range pages) noexcept {
    if (populate<Kernel>(pages, MADV_POPULATE_READ) != -EFAULT) return std::nullopt;
    while (pages.size() > Kernel::page_size()) {
        const std::uintptr_t middle =
            pages.begin + pages.size() / Kernel::page_size() / 2 * Kernel::page_size();
        const bool before = populate<Kernel>({pages.begin, middle}, MADV_POPULATE_READ) != 0;
        (before ? pages.end : pages.begin) = middle;
    }
    return pages.begin;
}

/// Why the page at an address cannot be brought in, of a range of so many bytes. Throws std::bad_alloc.
template <class Kernel>
std::string why_absent(std::uintptr_t at, std::size_t bytes) {
    std::string text, file;
    std::uint64_t hugetlb = 0;
    Kernel::read_text("/proc/self/smaps", text);
    for_each_smaps_entry(text, [&](const vma& mapping, std::string_view fields) {
        if (at < mapping.pages.begin || at >= mapping.pages.end) return;
        hugetlb = hugetlb_page_bytes(fields);
        file = mapping.name;
    });
    std::string why = "the kernel does not bring in the memory at " + hexadecimal(at) + ": ";
    if (hugetlb == 0)
        return why + "it lies beyond the end of its file, or the file system has no room" +
               (file.empty() ? "" : " (" + file + ")") + ": extend the file with ftruncate, or pin less";
    if (const auto limit = explain_hugetlb_limit<Kernel>(hugetlb_step::touched, hugetlb, bytes);
        !limit.empty())
        return why + limit;
    return why +
           "no hugetlb page is left for it in the reserve that this process may use, or it lies beyond the "
           "end of its file: reserve more as root in /proc/sys/vm/nr_hugepages, look at the process's "
           "cpuset, "
           "extend the file with ftruncate, or use other memory";
}

/// After a refusal: true if the cause is that a page of the range cannot be brought in; the remedy says so
/// then. Throws std::bad_alloc.
template <class Kernel>
bool explain_absent(page_range pages, pin_failure& failure) {
    const auto absent = find_absent<Kernel>(pages);
    if (absent) failure.remedy = why_absent<Kernel>(*absent, pages.size());
    return absent.has_value();
}

} // namespace gup::inline GUP_NAMESPACE::detail
