// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A kernel policy whose memory exists on paper only: mlock, munlock, msync and /proc/self/maps of a made-up
/// address space, so that a test can have any mapping and see every call.

#include "gup/kernel.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <vector>

namespace gup_test {

/// How the made-up kernel treats a page.
enum class page_kind { ordinary, not_lockable, inaccessible };

/// Page numbers below stand for addresses: page n begins at `address(n)`. One thread only.
struct pretend_memory : gup::system_kernel {
    struct page {
        page_kind kind = page_kind::ordinary;
        bool locked = false;
    };

    static inline std::map<std::uintptr_t, page> pages; ///< by number; what is not there is not mapped
    static inline std::vector<std::string> calls;       ///< "mlock 3+2": two pages from page 3
    static inline int probes = 0;                       ///< calls of msync
    static inline int listings = 0;                     ///< readings of /proc/self/maps
    static inline std::map<std::string, std::string> files;
    static inline std::uint64_t limit = RLIM_INFINITY;

    static void reset() {
        pages.clear();
        files.clear();
        limit = RLIM_INFINITY;
        forget_calls();
    }
    static void forget_calls() {
        calls.clear();
        probes = listings = 0;
    }
    static void map(std::uintptr_t first, std::size_t count, page_kind kind = page_kind::ordinary) {
        for (std::size_t page = 0; page < count; ++page) pages[first + page] = {kind};
    }
    static std::span<const std::byte> range(std::uintptr_t first, std::size_t count) {
        return {reinterpret_cast<const std::byte*>(address(first)), count * page_size()};
    }
    static std::uintptr_t address(std::uintptr_t number) { return base + number * page_size(); }
    static std::size_t locked() {
        std::size_t count = 0;
        for (const auto& [number, page] : pages) count += page.locked;
        return count;
    }

    static int mlock(const void* address, std::size_t bytes) { return lock("mlock ", address, bytes); }
    static int mlock2(const void* address, std::size_t bytes, unsigned) {
        return lock("mlock2 ", address, bytes);
    }
    static int munlock(const void* address, std::size_t bytes) {
        note("munlock ", address, bytes);
        for (std::uintptr_t number = first(address); number < first(address) + bytes / page_size();
             ++number) {
            if (!pages.contains(number)) return -ENOMEM;
            pages[number].locked = false;
        }
        return 0;
    }
    static int msync(void* address, std::size_t, int flags) {
        ++probes;
        if (flags != MS_INVALIDATE) return -EINVAL;
        const auto found = pages.find(first(address));
        if (found == pages.end()) return -ENOMEM;
        return found->second.locked ? -EBUSY : 0;
    }
    static int memlock_limit(std::uint64_t& bytes) {
        bytes = limit;
        return 0;
    }
    static int query_maps(gup::detail::page_range, std::string&) noexcept { return -ENOTTY; } // before 6.11
    static int read_text(const char* path, std::string& text) {
        if (path == std::string("/proc/self/maps")) ++listings;
        if (const auto found = files.find(path); found != files.end()) {
            text = found->second;
            return 0;
        }
        if (path != std::string("/proc/self/maps")) return -ENOENT;
        text = listing();
        return 0;
    }

private:
    static constexpr std::uintptr_t base = 0x7000'0000'0000;

    static std::uintptr_t first(const void* address) {
        return (reinterpret_cast<std::uintptr_t>(address) - base) / page_size();
    }
    static void note(const char* call, const void* address, std::size_t bytes) {
        calls.push_back(call + std::to_string(first(address)) + "+" + std::to_string(bytes / page_size()));
    }
    /// As the kernel does it: what comes before a hole stays locked, and pages that cannot be populated do
    /// too.
    static int lock(const char* call, const void* address, std::size_t bytes) {
        note(call, address, bytes);
        int result = 0;
        for (std::uintptr_t number = first(address); number < first(address) + bytes / page_size();
             ++number) {
            if (!pages.contains(number)) return -ENOMEM;
            pages[number].locked = pages[number].kind != page_kind::not_lockable;
            if (pages[number].kind == page_kind::inaccessible) result = -ENOMEM;
        }
        return result;
    }
    /// One line for each run of pages of one kind.
    static std::string listing() {
        std::ostringstream text;
        for (auto run = pages.begin(); run != pages.end();) {
            auto last = run;
            auto next = std::next(run);
            while (next != pages.end() && next->first == last->first + 1 &&
                   next->second.kind == run->second.kind)
                last = next++;
            text << std::hex << address(run->first) << '-' << address(last->first + 1) << ' '
                 << (run->second.kind == page_kind::inaccessible ? "---p" : "rw-p") << " 00000000 00:00 0 \n";
            run = next;
        }
        return text.str();
    }
};

} // namespace gup_test
