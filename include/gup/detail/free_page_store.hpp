// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Where the free pages of a pool are: a shared list under a lock, and a magazine per thread in front of it.
/// Also decides when a closed pool is over: when its last page is back. Whoever takes or gives back pages
/// includes free_page_store_slow.hpp.

#include "gup/detail/magazine.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/reference_verbs.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <linux/membarrier.h>
#include <mutex>
#include <new>
#include <span>
#include <sys/mman.h>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

/// The system calls of a store, taken from a kernel policy.
struct store_calls {
    magazine* (*make_magazine)() noexcept; ///< null if there is no memory
    bool (*barrier)() noexcept;            ///< every running thread passes a barrier; false if refused
    bool (*prepare_barrier)() noexcept;
};

template <class Kernel>
struct kernel_store_calls {
    static magazine* make_magazine() noexcept {
        const std::intptr_t address =
            Kernel::mmap(sizeof(magazine), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (address < 0) return nullptr;
        void* const memory = reinterpret_cast<void*>(address);
        if (Kernel::madvise(memory, sizeof(magazine), MADV_WIPEONFORK) < 0) {
            dispose_memory(memory); // without it a forked child would hand out its parent's pages
            return nullptr;
        }
        auto* const made = ::new (memory) magazine;
        made->dispose = [](magazine& m) noexcept { dispose_memory(&m); };
        return made;
    }
    static void dispose_memory(void* memory) noexcept {
        if (const int result = Kernel::munmap(memory, sizeof(magazine)); result < 0)
            report_release_failure({"munmap of a thread's page cache",
                                    errno_code(-result),
                                    {static_cast<const std::byte*>(memory), sizeof(magazine)}});
    }
    static bool prepare_barrier() noexcept {
        return Kernel::membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) >= 0;
    }
    static bool barrier() noexcept { return Kernel::membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) >= 0; }

    static constexpr store_calls calls{&make_magazine, &barrier, &prepare_barrier};
};

/// Free pages for any number of threads. Lives until it is closed and every page is back; then `destroy` is
/// called, on whatever thread that was.
class free_page_store {
public:
    using destroy_function = void (*)(free_page_store&) noexcept;

    template <class Kernel>
    free_page_store(page_arrays arrays, std::type_identity<Kernel>, destroy_function destroy) noexcept
        : arrays_(arrays),
          calls_(kernel_store_calls<Kernel>::calls),
          destroy_(destroy),
          fenced_(!calls_.prepare_barrier()),
          batch_(batch_for(arrays.pages())),
          depot_(arrays) {}
    free_page_store(const free_page_store&) = delete;
    free_page_store& operator=(const free_page_store&) = delete;

    const page_arrays& arrays() const noexcept { return arrays_; }

    /// A free page, or null: if any page is free anywhere, it is found.
    page* take() noexcept {
        if (magazine* const m = current(); m != nullptr && m->enter(*this)) [[likely]] {
            page* const p = m->pop();
            m->leave(*this);
            if (p != nullptr) [[likely]]
                return p;
        }
        return take_slowly();
    }

    /// Takes back a page that has no references.
    void give_back(page& p) noexcept {
        if (magazine* const m = current(); m != nullptr && m->enter(*this)) [[likely]] {
            const bool room = m->count.load(std::memory_order_relaxed) < m->capacity;
            if (room) m->push(p);
            m->leave(*this);
            if (room) [[likely]]
                return;
        }
        give_back_slowly(p);
    }

    /// Calls `use(page, i)` with so many free pages out of the thread's magazine; false, and nothing done, if
    /// it has fewer. `use` is inside: it must not come to a pool.
    template <class Use>
    [[gnu::always_inline]] bool take_each(std::size_t wanted, Use use) noexcept {
        magazine* const m = current();
        if (m == nullptr || !m->enter(*this)) return false;
        const std::uint32_t held = m->count.load(std::memory_order_relaxed);
        const bool enough = held >= wanted;
        if (enough) {
            for (std::size_t i = 0; i < wanted; ++i) use(*m->pages[held - 1 - i], i);
            m->count.store(held - static_cast<std::uint32_t>(wanted), std::memory_order_relaxed);
        }
        m->leave(*this);
        return enough;
    }

    /// Fills `pages` or takes none.
    bool take_all(std::span<page*> pages) noexcept {
        return take_each(pages.size(), [&](page& p, std::size_t i) noexcept { pages[i] = &p; }) ||
               take_all_slowly(pages);
    }
    /// As above, for any number: adds `wanted` pages to an empty chain, or none.
    bool take_all(std::size_t wanted, page_chain& chain) noexcept;

    /// Ends references that are the only ones to pages of this store, without a locked instruction: calls
    /// `end(i)`, for i from 0 and below `most`, as long as it ends one, and returns its page, and the
    /// thread's magazine has room. How many it did; none if pages can be looked up.
    ///
    /// Sound beside look-ups, which add to any count but zero: before the first of them each magazine is
    /// closed, which waits until its thread is outside, and is told so before it opens again. Who is inside
    /// and was not told is thus outside again, with what it stored to a count, before anything is looked up.
    /// And without look-ups a reference is made by the holder of another alone, so that nobody else can make
    /// one of the only one. `end` loads the count with acquire: those who dropped theirs before are done with
    /// the page. It goes to its next user as any other: in this thread, or from a closed magazine by the
    /// lock.
    template <class End>
    [[gnu::always_inline]] std::size_t give_back_each(std::size_t most, End end) noexcept {
        magazine* const m = current();
        if (m == nullptr || !m->enter(*this)) return 0;
        const std::uint32_t held = m->count.load(std::memory_order_relaxed);
        std::size_t ended = 0;
        if (held < m->capacity_for_only) [[likely]] {
            if (const std::size_t room = m->capacity_for_only - held; most > room) most = room;
            for (; ended < most; ++ended) {
                page* const p = end(ended);
                if (p == nullptr) break;
                m->put(held + static_cast<std::uint32_t>(ended), *p);
            }
            m->count.store(held + static_cast<std::uint32_t>(ended), std::memory_order_relaxed);
        }
        m->leave(*this);
        return ended;
    }

    /// From now on pages may be found by address, so that an unreferenced page can become referenced behind
    /// the back of a put of the only one: waits for those under way, later ones use locked instructions.
    /// False in a forked child, and as long as the kernel refuses the barrier that the wait needs.
    bool allow_lookups() noexcept {
        if (lookups_ready_.load(std::memory_order_acquire)) return process_ == this_process();
        return start_lookups();
    }

    /// No page can be taken any more; calls `destroy` now or at the last put.
    void close() noexcept;

    /// Pages that could be taken now; exact if no other thread is at work.
    std::size_t free_pages() noexcept;

    /// Called at the end of a thread for each of its magazines.
    static void detach(magazine& m, slow_turn& turn) noexcept;

    static void on_release(zone& z, counted& c) noexcept {
        static_cast<free_page_store*>(zone_access::owner(z))->give_back(page_access::from(c));
    }
    /// Drops what may be the only reference to a page of a store. If it is, what was written to the page is
    /// lost, and nothing need mark it dirty.
    static void drop_first(std::uintptr_t word, reference_kind kind, bool dirty) noexcept {
        page& p = page_access::from(counted_of(word));
        auto& store = *static_cast<free_page_store*>(zone_access::owner(zone::of(&p)));
        const auto end = [&](std::size_t) noexcept {
            return page_access::counts(p).drop_if_only(kind) ? &p : nullptr;
        };
        if (store.give_back_each(1, end) == 0) [[unlikely]]
            drop_counted(word, kind, dirty);
    }

private:
    /// How many pages go between a thread and the list at once: a quarter of the pool at most.
    static std::uint32_t batch_for(std::size_t pages) noexcept {
        const std::size_t quarter = pages / 16 * 4;
        constexpr std::uint32_t most = magazine::places / 2;
        return quarter == 0 ? 1 : quarter < most ? static_cast<std::uint32_t>(quarter) : most;
    }
    /// The thread's magazine if it is the one used last.
    magazine* current() const noexcept {
        magazine* const m = this_thread_magazines.current.load(std::memory_order_relaxed);
        return m != nullptr && m->owner.load(std::memory_order_relaxed) == this ? m : nullptr;
    }

    /// Drops it as any other reference is. Not inline: the registers that it needs would be saved on the
    /// usual way, too.
    [[gnu::noinline]] static void drop_counted(std::uintptr_t word, reference_kind kind,
                                               bool dirty) noexcept {
        drop_reference<shared_counting>(without_hint<shared_counting>(word), kind, dirty);
    }

    page* take_slowly() noexcept;
    bool take_all_slowly(std::span<page*> pages) noexcept;
    void give_back_slowly(page& p) noexcept;
    bool start_lookups() noexcept;
    magazine* find_magazine(slow_turn& turn) noexcept;
    magazine* attach_magazine(slow_turn& turn) noexcept;
    bool empty_magazine(magazine& m, const slow_turn& turn) noexcept;
    void refill(magazine& m) noexcept;
    void collect(const slow_turn& turn) noexcept;
    void destroy_if_over(std::unique_lock<std::mutex>& lock, slow_turn& turn) noexcept;

    const page_arrays arrays_;
    const store_calls& calls_;
    const destroy_function destroy_;
    const process_identity process_ = this_process();
    const bool fenced_;
    const std::uint32_t batch_;
    std::atomic<bool> lookups_ready_{false}; // all magazines know of look-ups

    std::mutex lock_; // guards all below, and every magazine that is not open
    free_list depot_;
    magazine* magazines_ = nullptr;
    bool lookups_ = false; // new magazines are told
    bool closed_ = false;
};

} // namespace gup::inline GUP_NAMESPACE::detail
