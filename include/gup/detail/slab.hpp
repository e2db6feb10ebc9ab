// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The memory of a pool: one mapping of a chosen kind and alignment that goes away with its object.

#include "gup/detail/absent_memory.hpp"
#include "gup/detail/mapping_failure.hpp"
#include "gup/detail/page_range.hpp"
#include "gup/detail/proc_text.hpp"
#include "gup/detail/smaps.hpp"
#include "gup/detail/vma.hpp"
#include "gup/error.hpp"
#include "gup/kernel.hpp"
#include "gup/memory_kind.hpp"
#include "gup/pin_domain.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// Bytes of the system's base page.
inline std::size_t base_page_size() noexcept {
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

/// `bytes` rounded up to a multiple of `unit`, a power of two; empty if that wraps.
constexpr std::optional<std::size_t> round_up(std::size_t bytes, std::size_t unit) noexcept {
    if (bytes > std::numeric_limits<std::size_t>::max() - (unit - 1)) return std::nullopt;
    return (bytes + unit - 1) & ~(unit - 1);
}

/// How much to map for a slab: `length` is kept, `slack` is room to find an aligned start in.
struct slab_layout {
    std::size_t length;
    std::size_t slack;
    std::size_t alignment;
};

/// Empty if there is no such mapping: no bytes, an alignment that is not a power of two, a size that wraps.
inline std::optional<slab_layout> lay_out_slab(std::size_t bytes, memory_kind kind,
                                               std::size_t alignment) noexcept {
    if (bytes == 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return std::nullopt;
    const std::size_t unit = kind == memory_kind::hugetlb ? huge_page_size : base_page_size();
    const bool huge = kind == memory_kind::hugetlb || kind == memory_kind::transparent_huge;
    const std::size_t smallest = huge ? huge_page_size : unit;
    if (alignment < smallest) alignment = smallest;
    const auto length = round_up(bytes, unit);
    if (!length || !round_up(*length, alignment)) return std::nullopt;
    return slab_layout{*length, alignment - unit, alignment};
}

/// `automatic` made concrete. Reads one file of /sys.
template <class Kernel>
memory_kind resolve_memory_kind(memory_kind kind, std::size_t bytes) {
    if (kind != memory_kind::automatic) return kind;
    if (bytes < huge_page_size) return memory_kind::small_pages;
    std::string mode;
    if (Kernel::read_text("/sys/kernel/mm/transparent_hugepage/enabled", mode) != 0 ||
        mode.find("[never]") != mode.npos)
        return memory_kind::small_pages;
    return memory_kind::transparent_huge;
}

/// Bytes in the resident pages of [first, last) and its neighbours in the same mapping, and how many of them
/// are on 2 MiB pages.
struct residency {
    std::uint64_t resident = 0;
    std::uint64_t huge = 0;
};

/// Adds up the entries of /proc/self/smaps that overlap [first, last).
inline residency read_residency(std::string_view smaps, std::uintptr_t first, std::uintptr_t last) noexcept {
    residency sum;
    for_each_smaps_entry(smaps, [&](const vma& mapping, std::string_view fields) {
        if (intersection(mapping.pages, {first, last}).empty()) return;
        sum.resident += proc_kilobytes(fields, "Rss:").value_or(0);
        sum.huge += transparent_huge_bytes(fields);
    });
    return sum;
}

/// One mapping, unmapped by the destructor; if the kernel refuses that, it is reported and leaked.
template <class Kernel = system_kernel>
class slab final : public pinned_memory {
public:
    /// Maps `bytes` bytes, zeroed and not yet touched, that start at a multiple of `alignment` (a power of
    /// two; raised to the page size of the kind). Null if that cannot be, with `failure` filled in and
    /// nothing left behind. Calls mmap, munmap, madvise; for memfd also memfd_create and ftruncate. Throws
    /// std::bad_alloc.
    static std::unique_ptr<slab> try_map(std::size_t bytes, memory_kind kind, std::size_t alignment,
                                         pin_failure& failure);

    ~slab() override;

    /// The memory, of exactly the size asked for.
    std::span<std::byte> memory() const noexcept { return {start_, bytes_}; }

    /// Brings all of it in, so that no page raises SIGBUS when it is touched; false, with `failure` filled,
    /// if the kernel does not. Calls madvise. Throws std::bad_alloc.
    bool populate(pin_failure& failure) const;

    /// Leaves it out of what a forked child inherits; false, with `failure` filled, if the kernel refuses.
    bool leave_out_of_children(pin_failure& failure);

    /// What the memory is made of; never `automatic`.
    memory_kind kind() const noexcept { return kind_; }

    /// Bytes of the hardware pages behind most of what is resident now: the base page size or
    /// `huge_page_size`. For all kinds but hugetlb and small_pages this reads /proc/self/smaps, which walks
    /// every page table of the process and counts the neighbours that the kernel merged into the same
    /// mapping: on demand only. Throws std::bad_alloc.
    std::size_t page_size_got() const;

    /// The descriptor of a memfd, which stays ours; -1 for the other kinds.
    int memfd() const noexcept { return memfd_; }

    /// Where the memory starts in the memfd, in bytes: not 0 if the alignment is larger than a page.
    std::size_t memfd_offset() const noexcept { return memfd_offset_; }

private:
    slab(memory_kind kind, std::size_t bytes) noexcept : bytes_(bytes), kind_(kind) {}

    bool map(const slab_layout& layout, pin_failure& failure);
    bool trim(const slab_layout& layout, pin_failure& failure);
    bool size_memfd(pin_failure& failure);
    bool advise(pin_failure& failure);

    std::byte* mapping_ = nullptr; // what the destructor unmaps; from trim on it is start_
    std::size_t mapped_ = 0;
    std::byte* start_ = nullptr;
    std::size_t bytes_;
    std::size_t memfd_offset_ = 0;
    int memfd_ = -1;
    memory_kind kind_;
};

template <class Kernel>
std::unique_ptr<slab<Kernel>> slab<Kernel>::try_map(std::size_t bytes, memory_kind kind,
                                                    std::size_t alignment, pin_failure& failure) {
    failure = {};
    const memory_kind resolved = resolve_memory_kind<Kernel>(kind, bytes);
    const auto layout = lay_out_slab(bytes, resolved, alignment);
    if (!layout) {
        refuse(failure, EINVAL, "mapping of memory",
               "ask for at least one byte, for an alignment that is a power of two, and for less than the "
               "address space");
        return nullptr;
    }
    std::unique_ptr<slab> result(new slab(resolved, bytes));
    const bool done = result->map(*layout, failure) && result->trim(*layout, failure) &&
                      result->size_memfd(failure) && result->advise(failure);
    return done ? std::move(result) : nullptr;
}

template <class Kernel>
bool slab<Kernel>::map(const slab_layout& layout, pin_failure& failure) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (kind_ == memory_kind::hugetlb) flags |= MAP_HUGETLB | (21 << MAP_HUGE_SHIFT);
    if (kind_ == memory_kind::memfd) {
        flags = MAP_SHARED;
        const int fd = Kernel::memfd_create("gup", MFD_CLOEXEC);
        if (fd < 0) return refuse_mapping<Kernel>(failure, "memfd_create", fd, kind_, layout.length);
        memfd_ = fd;
    }
    const std::size_t wanted = layout.length + layout.slack;
    const std::intptr_t address = Kernel::mmap(wanted, PROT_READ | PROT_WRITE, flags, memfd_);
    if (address < 0) return refuse_mapping<Kernel>(failure, "mmap", static_cast<int>(address), kind_, wanted);
    mapping_ = reinterpret_cast<std::byte*>(address);
    mapped_ = wanted;
    return true;
}

template <class Kernel>
bool slab<Kernel>::trim(const slab_layout& layout, pin_failure& failure) {
    const std::size_t past = reinterpret_cast<std::uintptr_t>(mapping_) & (layout.alignment - 1);
    const std::size_t head = past == 0 ? 0 : layout.alignment - past;
    const std::size_t tail = layout.slack - head;
    start_ = mapping_ + head;
    if (tail != 0) {
        if (const int result = Kernel::munmap(start_ + layout.length, tail); result < 0)
            return refuse_mapping<Kernel>(failure, "munmap", result, kind_, layout.length);
        mapped_ -= tail;
    }
    if (head != 0) {
        if (const int result = Kernel::munmap(mapping_, head); result < 0)
            return refuse_mapping<Kernel>(failure, "munmap", result, kind_, layout.length);
        mapping_ = start_;
        mapped_ = layout.length;
    }
    if (kind_ == memory_kind::memfd) memfd_offset_ = head;
    return true;
}

template <class Kernel>
bool slab<Kernel>::size_memfd(pin_failure& failure) {
    if (kind_ != memory_kind::memfd) return true;
    // The head that was trimmed away stays a hole of the file: it costs nothing.
    const int result = Kernel::ftruncate(memfd_, memfd_offset_ + mapped_);
    return result < 0 ? refuse_mapping<Kernel>(failure, "ftruncate", result, kind_, mapped_) : true;
}

template <class Kernel>
bool slab<Kernel>::advise(pin_failure& failure) {
    if (kind_ != memory_kind::small_pages && kind_ != memory_kind::transparent_huge) return true;
    const bool small = kind_ == memory_kind::small_pages;
    const int result = Kernel::madvise(start_, mapped_, small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    if (result >= 0) return true;
    if (small && result == -EINVAL) return true; // a kernel without huge pages has nothing to refuse
    return refuse_mapping<Kernel>(failure, "madvise", result, kind_, mapped_);
}

template <class Kernel>
bool slab<Kernel>::populate(pin_failure& failure) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(start_);
    const page_range pages{begin, begin + mapped_};
    const int result = populate_new<Kernel>(pages);
    if (result == 0) return true;
    refuse_mapping<Kernel>(failure, "madvise(MADV_POPULATE_WRITE)", result, kind_, mapped_);
    if (result == -EFAULT) failure.remedy = why_absent<Kernel>(begin, mapped_);
    return false;
}

template <class Kernel>
bool slab<Kernel>::leave_out_of_children(pin_failure& failure) {
    const int result = Kernel::madvise(mapping_, mapped_, MADV_DONTFORK);
    if (result >= 0) return true;
    return refuse_mapping<Kernel>(failure, "madvise(MADV_DONTFORK)", result, kind_, mapped_);
}

template <class Kernel>
slab<Kernel>::~slab() {
    if (mapping_ != nullptr) {
        if (const int result = Kernel::munmap(mapping_, mapped_); result < 0)
            report_release_failure({"munmap", errno_code(-result), {mapping_, mapped_}});
    }
    if (memfd_ >= 0) Kernel::close(memfd_); // frees the number even when it reports an error
}

template <class Kernel>
std::size_t slab<Kernel>::page_size_got() const {
    if (kind_ == memory_kind::hugetlb) return huge_page_size;
    if (kind_ == memory_kind::small_pages) return base_page_size();
    std::string smaps;
    if (Kernel::read_text("/proc/self/smaps", smaps) != 0) return base_page_size();
    const auto first = reinterpret_cast<std::uintptr_t>(start_);
    const residency now = read_residency(smaps, first, first + mapped_);
    return now.huge * 2 > now.resident ? huge_page_size : base_page_size();
}

} // namespace gup::inline GUP_NAMESPACE::detail
