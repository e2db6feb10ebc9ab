// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Tells whether private memory is still the mapping that it was, or has been unmapped and mapped anew at the
/// same address: what the kernel pinned is then not what the CPU sees, and /proc/self/maps says nothing of
/// it.
///
/// The mark is a registration with userfaultfd(2) for write-protection, under which nothing is protected, so
/// that nothing ever faults. A mapping loses it when it goes, and a new one does not have it.

#include "gup/detail/page_range.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/userfault.hpp"
#include "gup/detail/vma.hpp"
#include "gup/kernel.hpp"

#include <atomic>
#include <cstdint>
#include <linux/userfaultfd.h>
#include <memory>
#include <string_view>

namespace gup::inline GUP_NAMESPACE::detail {

template <class Kernel>
class [[gnu::visibility("default")]] mapping_marks;

/// One for the process, since the kernel knows memory by one userfaultfd at a time. Never destroyed.
template <class Kernel>
class mapping_marks {
public:
    /// The one of this process: a child's inherited one would speak of its parent's memory. Thread-safe.
    /// Throws std::bad_alloc.
    static mapping_marks& current() {
        mapping_marks* known = current_.load(std::memory_order_acquire);
        if (known != nullptr && known->process_ == this_process()) return *known;
        std::unique_ptr<mapping_marks> made(new mapping_marks(known));
        if (current_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
            return *made.release();
        return *known; // another thread was first
    }
    mapping_marks(const mapping_marks&) = delete;
    mapping_marks& operator=(const mapping_marks&) = delete;
    ~mapping_marks() {
        if (fd_ >= 0) Kernel::close(fd_);
    }

    /// False if the memory cannot be marked: by this kernel (before 5.11), in this sandbox, because a part is
    /// of a file, or because the program watches it with a userfaultfd of its own.
    bool mark(page_range pages) noexcept {
        uffdio_register request{};
        request.range = range_of(pages);
        request.mode = UFFDIO_REGISTER_MODE_WP;
        return Kernel::ioctl(fd_, UFFDIO_REGISTER, &request) == 0;
    }
    void unmark(page_range pages) noexcept {
        uffdio_range request = range_of(pages);
        Kernel::ioctl(fd_, UFFDIO_UNREGISTER, &request);
    }
    /// True if all of the range is mapped, by the text of /proc/self/maps, and has been since it was marked.
    bool marked(std::string_view maps, page_range pages) noexcept {
        std::uintptr_t reached = pages.begin;
        for_each_vma(maps, [&](const vma& mapping) {
            const page_range part = intersection(mapping.pages, pages);
            if (!part.empty() && part.begin == reached && is_marked(part.begin)) reached = part.end;
        });
        return reached == pages.end;
    }

private:
    explicit mapping_marks(const mapping_marks* inherited) noexcept : inherited_(inherited) {}
    static uffdio_range range_of(page_range pages) noexcept { return {pages.begin, pages.size()}; }
    /// Takes away the protection of a page that has none.
    bool is_marked(std::uintptr_t page) noexcept {
        uffdio_writeprotect request{};
        request.range = range_of({page, page + Kernel::page_size()});
        return Kernel::ioctl(fd_, UFFDIO_WRITEPROTECT, &request) == 0;
    }

    const process_identity process_ = this_process();
    [[maybe_unused]] const mapping_marks* const inherited_; // leaked on purpose, in a forked child
    const int fd_ = open_userfault<Kernel>(0);

    static constinit inline std::atomic<mapping_marks*> current_{nullptr};
};

} // namespace gup::inline GUP_NAMESPACE::detail
