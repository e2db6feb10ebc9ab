// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What is known of a range of the caller's memory before it is pinned: that it can be, and which parts of
/// which files it shows. Kernels and domains refuse what cannot be pinned with one errno for many causes;
/// here each gets its sentence.

#include "gup/detail/absent_memory.hpp"
#include "gup/detail/page_range.hpp"
#include "gup/detail/proc_text.hpp"
#include "gup/detail/shared_part_index.hpp"
#include "gup/detail/smaps.hpp"
#include "gup/detail/vma.hpp"
#include "gup/dma_access.hpp"
#include "gup/error.hpp"
#include "gup/pin_domain.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// What a range shows, in the order of its addresses.
struct range_content {
    std::vector<shared_part> shared{};
    /// False if no other mapping is known to have all of its pages: because any part of it is private or,
    /// though shared, cannot be written. Such a mapping may show a file as it was before an overlay copied it
    /// up, and /proc/self/maps says the same of the copy.
    bool all_shared = true;

    /// True if both show the same pages in the same order.
    bool same_as(const range_content& other) const noexcept {
        return all_shared && other.all_shared && shared == other.shared;
    }
};

inline constexpr const char* pinning_call = "get_user_pages";

/// The pages of a range if it is one of whole pages. Looks at the numbers only.
inline std::optional<page_range> whole_pages(std::span<const std::byte> range, std::size_t page_size,
                                             pin_failure& failure) {
    failure = {.range = range};
    const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
    const std::uintptr_t end = begin + range.size();
    if (!check_range(range, pinning_call, failure)) return std::nullopt;
    if (begin % page_size == 0 && end % page_size == 0) return page_range{begin, end};
    refuse(failure, EINVAL, pinning_call,
           "whole pages are pinned: the range must begin and end at a multiple of the page size");
    return std::nullopt;
}

/// Secret memory is nobody's to pin: the kernel itself must not be able to read it. Its file is on no disk
/// and has this name always; a removed file "/secretmem" shows the same only where the root is on no disk
/// either.
inline bool is_secret(const vma& mapping) noexcept {
    return mapping.shared && mapping.name == "/secretmem (deleted)" && mapping.device >> 32 == 0;
}

/// The memory of a device that VFIO mapped: no file's, although all of them seem to be of one.
inline bool is_device_memory(const vma& mapping) noexcept {
    return mapping.name.starts_with("anon_inode:[vfio-device]");
}

/// Refuses a mapping that cannot be pinned with this access.
inline bool check_mapping(const vma& mapping, page_range part, dma_access access, bool device_memory_allowed,
                          pin_failure& failure) {
    const std::string at = "the memory at " + hexadecimal(part.begin);
    if (is_secret(mapping))
        return refuse(failure, EOPNOTSUPP, pinning_call,
                      at + " is secret memory (memfd_secret), which cannot be pinned: use other memory");
    if (is_device_memory(mapping) && !device_memory_allowed)
        return refuse(failure, EOPNOTSUPP, pinning_call,
                      at + " is the memory of a device, which this domain cannot pin: only a "
                           "vfio_domain maps it, for other devices of its container");
    if (!mapping.readable)
        return refuse(failure, EACCES, pinning_call,
                      at + " is mapped without read access: allow it with mprotect first");
    if (cpu_may_write(access) && !mapping.writable)
        return refuse(failure, EACCES, pinning_call,
                      at + " is mapped read-only: pin it with dma_access::read, or allow writing with "
                           "mprotect first");
    return true;
}

/// Adds what a part of a mapping shows.
inline void add_content(range_content& content, const vma& mapping, page_range part) {
    if (!mapping.shared || !mapping.writable || is_device_memory(mapping)) {
        content.all_shared = false;
        return;
    }
    const std::uint64_t offset = mapping.offset + (part.begin - mapping.pages.begin);
    if (!content.shared.empty()) { // the kernel splits mappings where their locks or protections differ
        shared_part& last = content.shared.back();
        if (last.device == mapping.device && last.inode == mapping.inode &&
            last.offset + last.length == offset) {
            last.length += part.size();
            return;
        }
    }
    content.shared.push_back({mapping.device, mapping.inode, offset, part.size()});
}

/// What the text of /proc/self/maps says about the range; empty, with `failure` filled, if it cannot be
/// pinned. Throws std::bad_alloc.
inline std::optional<range_content> look_at_range(std::string_view maps, page_range pages, dma_access access,
                                                  bool device_memory_allowed, pin_failure& failure) {
    range_content content;
    std::uintptr_t reached = pages.begin;
    bool sound = true;
    for_each_vma(maps, [&](const vma& mapping) {
        const page_range part = intersection(mapping.pages, pages);
        if (part.empty() || !sound || part.begin != reached) return;
        reached = part.end;
        sound = check_mapping(mapping, part, access, device_memory_allowed, failure);
        if (sound) add_content(content, mapping, part);
    });
    if (!sound) return std::nullopt;
    if (reached == pages.end) return content;
    refuse(failure, EFAULT, pinning_call,
           "nothing is mapped at " + hexadecimal(reached) + ": pin only memory that is mapped");
    return std::nullopt;
}

/// As the other, and refuses if it cannot.
template <class Kernel>
bool read_maps(page_range pages, std::string& maps, pin_failure& failure) {
    const int result = read_maps<Kernel>(pages, maps);
    if (result == 0) return true;
    return refuse(failure, -result, "reading /proc/self/maps",
                  "the kind of the memory cannot be told without it: mount /proc, or raise `ulimit -n`");
}

/// The names of the files that a range shows through shared mappings, in the order of its addresses.
inline std::vector<std::string_view> file_names(std::string_view maps, page_range pages) {
    std::vector<std::string_view> names;
    for_each_vma(maps, [&](const vma& mapping) {
        if (mapping.shared && !intersection(mapping.pages, pages).empty() &&
            (names.empty() || names.back() != mapping.name))
            names.push_back(mapping.name);
    });
    return names;
}

/// What two ranges have in common of the names of their files.
enum class file_names_are { apart, overlapping, the_same };

/// At one moment, since the name of a mapping changes when its file is renamed; nothing, with `failure`
/// filled, if they cannot be read. Throws std::bad_alloc.
template <class Kernel>
std::optional<file_names_are> compare_file_names(page_range one, page_range other, pin_failure& failure) {
    std::string before, others, after;
    do {
        if (!read_maps<Kernel>(one, before, failure) || !read_maps<Kernel>(other, others, failure) ||
            !read_maps<Kernel>(one, after, failure))
            return std::nullopt;
    } while (file_names(before, one) != file_names(after, one));
    const auto names = file_names(after, one), other_names = file_names(others, other);
    if (std::find_first_of(names.begin(), names.end(), other_names.begin(), other_names.end()) == names.end())
        return file_names_are::apart;
    return names == other_names ? file_names_are::the_same : file_names_are::overlapping;
}

/// True if a domain refused what it was to pin, and not for want of something else.
inline bool dislikes_memory(const pin_failure& failure) noexcept {
    const int error = failure.code.value();
    return failure.budget == pin_budget::none &&
           (error == EFAULT || error == EINVAL || error == EOPNOTSUPP || error == EACCES);
}

/// True for a file on a disk that is mapped shared.
inline bool is_shared_file(const vma& mapping, std::string_view fields) noexcept {
    return mapping.shared && mapping.name.starts_with('/') && !mapping.name.starts_with("/memfd:") &&
           !mapping.name.starts_with("/dev/zero (deleted)") && hugetlb_page_bytes(fields) == 0;
}

/// After a domain refused the range: names the mapping that it may not like, from the text of
/// /proc/self/smaps or, which says less, maps; or else the page that the kernel does not bring in. Throws
/// std::bad_alloc.
template <class Kernel>
void explain_domain_refusal(std::string_view smaps, page_range pages, pin_failure& failure) {
    if (!dislikes_memory(failure)) return;
    std::string found;
    bool file = false;
    for_each_smaps_entry(smaps, [&](const vma& mapping, std::string_view fields) {
        const page_range part = intersection(mapping.pages, pages);
        if (part.empty()) return;
        const bool shared = is_shared_file(mapping, fields);
        file = file || shared;
        if (!found.empty()) return;
        if (!mapping.writable)
            found = "the memory at " + hexadecimal(part.begin) + " is mapped read-only";
        else if (shared)
            found = "the memory at " + hexadecimal(part.begin) + " is a shared mapping of " +
                    std::string(mapping.name);
    });
    // nothing of a file: it would be read from its disk
    if (!file && failure.code.value() == EFAULT && explain_absent<Kernel>(pages, failure)) return;
    if (found.empty()) return;
    failure.remedy = failure.remedy.empty() ? found : found + ": " + failure.remedy;
}
/// The same, of any range.
template <class Kernel>
void explain_domain_refusal(pin_failure& failure) {
    if (!dislikes_memory(failure)) return;
    std::string smaps;
    Kernel::read_text("/proc/self/smaps", smaps);
    explain_domain_refusal<Kernel>(smaps, touched_pages(failure.range, Kernel::page_size()), failure);
}

} // namespace gup::inline GUP_NAMESPACE::detail
