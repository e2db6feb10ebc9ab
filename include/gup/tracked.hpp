// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `tracked<Domain>`: the same domain while one looks for a mistake that no compiler finds. Every reference
/// knows where it was got; a pool that is closed lists those that are out; and a view of a page's bytes that
/// is used when nobody holds the page any more faults at that instruction, with a report of where the page
/// was got and put.

#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/tracker.hpp"
#include "gup/detail/uncancelled.hpp"
#include "gup/page_pool.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <utility>
#include <vector>

GUP_SYSTEM_HEADER

namespace gup::inline GUP_RELEASE {

/// A reference of a tracked domain that has not been put.
struct outstanding_reference {
    std::span<const std::byte> page; ///< in the pool's memory
    const char* what = "";           ///< which kind of reference, in words
    call_site got{};
};

/// Hears, when a tracked pool is closed, of each reference that is still out, while the thread cannot be
/// cancelled; must not throw or call gup.
using outstanding_reference_hook = void (*)(const outstanding_reference&) noexcept;

namespace hooks {

[[gnu::visibility("default")]] inline void
print_outstanding_reference(const outstanding_reference& reference) noexcept {
    std::fprintf(stderr, "gup: a page pool is closed while %s is out, got at %s:%u in %s\n", reference.what,
                 reference.got.file, reference.got.line, reference.got.function);
}

// One for the process, as the hook for failed releases.
[[gnu::visibility("default")]] inline constinit std::atomic<outstanding_reference_hook> outstanding_hook{
    &print_outstanding_reference};

} // namespace hooks

/// Sets the process-wide hook for references that are out when a tracked pool is closed, and returns the one
/// before; null restores the default, which prints one line on stderr. Thread-safe.
inline outstanding_reference_hook on_outstanding_reference(outstanding_reference_hook hook) noexcept {
    return hooks::outstanding_hook.exchange(hook != nullptr ? hook : &hooks::print_outstanding_reference,
                                            std::memory_order_acq_rel);
}

} // namespace gup::inline GUP_RELEASE

namespace gup::inline GUP_NAMESPACE {

/// A domain whose pools track their references: `page_pool pool{tracked{domain}, options}`. For debugging:
/// every get and last put makes a system call (mprotect(2)) and takes a lock. Layout and meaning of all other
/// domains stay as they are, and the handles are as small.
///
/// `bytes()` gives an address in a second mapping of the pool's memory, which is a memfd. Only whole pages
/// can be watched: a view is found out when the last reference to its page has gone, and as long as the pool
/// lives or any page of it is out; after that its address may be somebody else's. A system call that is given
/// such a view fails with EFAULT. Groups of pages that are out cost the kernel a mapping each: where
/// vm.max_map_count does not suffice, the program ends and says so. The first tracked pool installs handlers
/// for SIGSEGV and SIGBUS; faults elsewhere go to the handlers that were there before. Memory of the caller's
/// (dynamic pages) and names of an address space are not tracked. A forked child sees what its parent writes.
///
/// Whoever gives a page's memory back to the kernel while he holds the page (madvise with MADV_DONTNEED),
/// which costs what a device wrote in any other pool, loses nothing here and is told when the page is touched
/// again: on stderr, with the place where it was got. (With Linux 5.14 and a sandbox that allows
/// userfaultfd(2). Where memory is so short that the kernel takes it away itself, that looks the same.) A
/// system call that touches it first fails with EFAULT.
template <class Domain>
class [[gnu::visibility("default")]] tracked : public Domain {
public:
    using Domain::Domain;
    explicit tracked(Domain domain) noexcept(noexcept(Domain(std::move(domain))))
        : Domain(std::move(domain)) {}
};

template <class Domain>
tracked(Domain) -> tracked<Domain>;

namespace detail {

template <class Domain>
struct counting_of<tracked<Domain>> : counting_of<Domain> {};

template <class Domain>
struct tracking<tracked<Domain>> {
    static constexpr bool enabled = true;

    struct origin {
        // By default where the verb is called, of which this is the default argument. Hidden, to keep loaded
        // what has the names of the place: the caller's shared object.
        [[gnu::visibility("hidden")]] origin(call_site at = call_site::current()) noexcept : where(at) {
            keep_loaded();
        }
        call_site where;
    };

    struct pool : tracker<typename Domain::kernel, counting_t<Domain>> {
        template <class Look>
        void for_each_outstanding(Look look) {
            this->for_each([&](const tracked_stand_in& node) {
                const zone& z = zone::of(node.base);
                look(outstanding_reference{.page = {z.address_of(node.base), z.page_size()},
                                           .what = node.kind == reference_kind::plain ? "a page_ref"
                                                   : node.kind == reference_kind::reader
                                                       ? "a pin that only reads"
                                                       : "a pin through which a device may write",
                                           .got = node.got});
            });
        }
        void report() noexcept {
            const uncancelled hook;
            for_each_outstanding([](const outstanding_reference& reference) noexcept {
                hooks::outstanding_hook.load(std::memory_order_acquire)(reference);
            });
        }
    };

    [[noreturn]] static void misused(const char* rule, const origin& where) noexcept {
        const uncancelled message;
        const call_site& at = where.where;
        if (at.line == 0) rule_broken(rule);
        std::fprintf(stderr, "gup: %s (at %s:%u in %s)\n", rule, at.file, at.line, at.function);
        std::terminate();
    }
    static bool leads(std::uintptr_t word) noexcept { return (word & reference_word::tracked_tag) != 0; }
    static std::uintptr_t another(std::uintptr_t word, reference_kind kind, const origin& where) noexcept {
        return pool::another(word, kind, where.where);
    }
    static void note_put(std::uintptr_t word, const origin& where) noexcept {
        if (leads(word)) pool::note_put(word, where.where);
    }
};

} // namespace detail

/// The references to pages of a tracked pool that are out now. Throws std::bad_alloc. Thread-safe.
template <class Domain, dma_access Access>
std::vector<outstanding_reference> outstanding_references(page_pool<tracked<Domain>, Access>& pool) {
    std::vector<outstanding_reference> found;
    detail::pool_access::state(pool, detail::unknown_caller<tracked<Domain>>())
        .tracker()
        .for_each_outstanding([&](const outstanding_reference& reference) { found.push_back(reference); });
    return found;
}

} // namespace gup::inline GUP_NAMESPACE
