// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `page_pool`: owns memory, pins it once as one slab, and hands out its pages. The usual source of pinned
/// pages.

#include "gup/all_or_none.hpp"
#include "gup/detail/pool_state.hpp"
#include "gup/detail/put_all.hpp"
#include "gup/maybe.hpp"
#include "gup/page_flags.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE {

namespace detail {
struct pool_access;
}

/// Memory of one domain in pages of one size. A handle: destroying it closes the pool at once, so that no
/// page can be got any more, while memory and pin live on until the last reference is put. Get and put from
/// any thread, except with `local<>` domains; the handle itself is moved and destroyed by one thread; one
/// that was moved from can only be assigned to or destroyed. A thread keeps pages that it has put for its
/// next get, at most 504 and half of the pool. They count as free: who finds no other gets them, at the price
/// of a membarrier(2), and they go back when the thread ends. Not in signal handlers: one that comes while
/// its thread is inside a pool ends the program, with a message. A shared object that makes a pool stays
/// loaded.
///
/// The memory's mapping is the pool's. madvise with MADV_DONTNEED or MADV_REMOVE, munmap, or another mapping
/// in its place takes the page from the CPU and not from the device: what that writes from then on is lost,
/// and no call fails. gup::tracked tells of the first.
template <pin_domain Domain, dma_access Access = dma_access::read_write>
class page_pool {
public:
    using domain_type = Domain;
    using reference = user_page_ref<Domain, Access>;
    static constexpr dma_access access = Access;

    /// Maps and pins `options.pages` pages, or throws pin_error and leaves nothing behind.
    page_pool(Domain domain, pool_options options) : page_pool(make_or_throw(std::move(domain), options)) {}

    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("dropping a pool closes it at once")]] static std::optional<page_pool>
    try_make(Domain domain, pool_options options, pin_failure& failure) {
        state* const made = state::try_make(std::move(domain), options, Access, failure);
        if (made == nullptr) return std::nullopt;
        return page_pool(made);
    }

    page_pool(page_pool&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    page_pool& operator=(page_pool&& other) noexcept {
        state* const taken = std::exchange(other.state_, nullptr);
        close();
        state_ = taken;
        return *this;
    }
    GUP_NOT_COPIED(page_pool,
                   "a pool is not copied: pass it by reference, or hand it on with std::move(pool)");
    ~page_pool() { close(); }

    /// The domain that the memory is pinned in.
    Domain& domain(detail::origin_of<Domain> where = {}) noexcept { return checked(where).domain; }
    /// Bytes of one page.
    std::size_t page_size(detail::origin_of<Domain> where = {}) const noexcept {
        return std::size_t{1} << checked(where).page_shift;
    }
    /// Pages of the pool, free or not.
    std::size_t pages(detail::origin_of<Domain> where = {}) const noexcept {
        return checked(where).arrays().pages();
    }
    /// True if the memory is pinned; false if the options allowed to go on without and the kernel refused.
    bool registered(detail::origin_of<Domain> where = {}) const noexcept {
        return !checked(where).why_unpinned.has_value();
    }
    /// Why the memory is not pinned; null if it is.
    const pin_failure* why_not_registered(detail::origin_of<Domain> where = {}) const noexcept {
        return registered(where) ? nullptr : &*state_->why_unpinned;
    }
    /// What the pool has and does; walks all descriptors. Exact if no other thread is at work.
    pool_stats stats(detail::origin_of<Domain> where = {}) const { return checked(where).stats(); }

    /// The descriptor of the page that holds this address, in constant time; null if it is not the pool's.
    const page* find(const void* address, detail::origin_of<Domain> where = {}) const noexcept {
        return checked(where).find(address);
    }

    /// The pages that are dirty now, each as a page_ref that keeps it while the loop looks at it:
    /// `for (gup::page_ref<D> page : pool.dirty_pages())`. Pages that others dirty meanwhile may or may not
    /// appear. Empty in a forked child. The pool must outlive the range.
    auto dirty_pages(detail::origin_of<Domain> where = {}) noexcept {
        return detail::dirty_page_range<Domain>(checked(where), where);
    }

private:
    friend struct detail::pool_access;
    using state = detail::pool_state<Domain>;

    explicit page_pool(state* made) noexcept : state_(made) {}
    state& checked(detail::origin_of<Domain> where) const noexcept {
        if (detail::looks<Domain>(where) && state_ == nullptr) [[unlikely]]
            detail::misused<Domain>("a page_pool was used after it had been moved from", where);
        return *state_;
    }
    static state* make_or_throw(Domain domain, pool_options options) {
        pin_failure failure;
        state* const made = state::try_make(std::move(domain), options, Access, failure);
        if (made == nullptr) detail::throw_failure(std::move(failure));
        return made;
    }
    // Not inline: in a std::optional that has been reset g++ 12 would take state_ for uninitialised.
    [[gnu::noinline]] void close() noexcept {
        if (state_ != nullptr) std::exchange(state_, nullptr)->close();
    }

    state* state_;
};

template <class Domain>
page_pool(Domain, pool_options) -> page_pool<Domain>;

namespace detail {

/// The verbs' way into a pool.
struct pool_access {
    template <class Pool>
    static auto& state(const Pool& pool, caller_of<Pool> where) noexcept {
        return pool.checked(where);
    }
    /// The first reference to a page that was free.
    template <class Ref>
    static Ref start(auto& state, page& p, reference_kind kind,
                     origin_of<typename Ref::domain_type> where) noexcept {
        return reference_access::make<Ref>(state.start(p, kind, where));
    }
};

/// As many pages are listed on the stack by the bulk verbs; more are chained.
inline constexpr std::size_t bulk_chunk = 64;

} // namespace detail

/// A free page of the pool, pinned; empty if none is free anywhere. Content and dirty flag start out clean
/// but otherwise unspecified: zeroes at first, later whatever the last holder left.
template <class Domain, dma_access Access>
[[nodiscard("the page must be put")]] maybe<user_page_ref<Domain, Access>>
try_get_user_page(page_pool<Domain, Access>& pool, detail::origin_of<Domain> where = {}) noexcept {
    auto& state = detail::pool_access::state(pool, where);
    page* const p = state.take();
    if (p == nullptr) return {};
    return detail::to_maybe(
        detail::pool_access::start<user_page_ref<Domain, Access>>(state, *p, detail::kind_of(Access), where));
}

/// As try_get_user_page, but throws pin_error (ENOBUFS) that says how many pages are out.
template <class Domain, dma_access Access>
[[nodiscard("the page must be put")]] user_page_ref<Domain, Access>
get_user_page(page_pool<Domain, Access>& pool, detail::origin_of<Domain> where = {}) {
    auto& state = detail::pool_access::state(pool, where);
    page* const p = state.take();
    if (p == nullptr) state.throw_exhausted("get_user_page", 1);
    return detail::pool_access::start<user_page_ref<Domain, Access>>(state, *p, detail::kind_of(Access),
                                                                     where);
}

/// Fills `refs`, a span, array or vector, with pages of their own, or leaves all as they are, for which false
/// stands. References that `refs` holds already are dropped.
template <class Domain, dma_access Access>
all_or_none try_get_user_pages(page_pool<Domain, Access>& pool,
                               std::span<typename page_pool<Domain, Access>::reference> refs,
                               detail::origin_of<Domain> where = {}) noexcept {
    auto& state = detail::pool_access::state(pool, where);
    if (state.start_all(refs, detail::kind_of(Access), where)) return all_or_none(true);
    std::array<page*, detail::bulk_chunk> pages; // NOLINT: filled by take_all
    if (refs.size() <= pages.size()) {
        const std::span<page*> chunk(pages.data(), refs.size());
        if (!state.take_all(chunk)) return all_or_none(false);
        for (std::size_t i = 0; i < chunk.size(); ++i)
            refs[i] = detail::pool_access::start<user_page_ref<Domain, Access>>(
                state, *chunk[i], detail::kind_of(Access), where);
        return all_or_none(true);
    }
    // more than a chunk: chained through their descriptors, so that nothing is allocated
    detail::page_chain chain;
    if (!state.take_all(refs.size(), chain)) return all_or_none(false);
    for (auto& ref : refs) {
        page& p = *std::exchange(chain.first, detail::page_access::link(*chain.first));
        ref = detail::pool_access::start<user_page_ref<Domain, Access>>(state, p, detail::kind_of(Access),
                                                                        where);
    }
    return all_or_none(true);
}

/// As try_get_user_pages, but throws pin_error (ENOBUFS) that says how many pages are out.
template <class Domain, dma_access Access>
void get_user_pages(page_pool<Domain, Access>& pool,
                    std::span<typename page_pool<Domain, Access>::reference> refs,
                    detail::origin_of<Domain> where = {}) {
    if (!try_get_user_pages(pool, refs, where))
        detail::pool_access::state(pool, where).throw_exhausted("get_user_pages", refs.size());
}

/// `n` pages, all or none.
template <class Domain, dma_access Access>
[[nodiscard("the pages must be put")]] std::vector<user_page_ref<Domain, Access>>
get_user_pages(page_pool<Domain, Access>& pool, std::size_t n, detail::origin_of<Domain> where = {}) {
    auto& state = detail::pool_access::state(pool, where);
    // a wrong n must not become a huge allocation first
    if (n > state.arrays().pages()) state.throw_exhausted("get_user_pages", n);
    std::vector<user_page_ref<Domain, Access>> refs(n);
    get_user_pages(pool, std::span(refs), where);
    return refs;
}

/// Puts every reference in `refs` with one decision; passes over empty ones. Cheaper than single puts.
template <class Domain, dma_access Access, std::size_t Extent>
    requires(cpu_may_write(Access))
void put_user_pages(std::span<user_page_ref<Domain, Access>, Extent> refs, put_as decision,
                    detail::origin_of<Domain> where = {}) noexcept {
    detail::put_all<Domain, Access>(refs, decision == put_as::dirty, where);
}
/// Puts every reference in `refs`, through which nothing was written.
template <class Domain, std::size_t Extent>
void put_user_pages(std::span<user_page_ref<Domain, dma_access::read>, Extent> refs,
                    detail::origin_of<Domain> where = {}) noexcept {
    detail::put_all<Domain, dma_access::read>(refs, false, where);
}
template <class Domain, dma_access Access>
    requires(cpu_may_write(Access))
void put_user_pages(std::vector<user_page_ref<Domain, Access>>&& refs, put_as decision,
                    detail::origin_of<Domain> where = {}) noexcept {
    put_user_pages(std::span(refs), decision, where);
    refs.clear();
}
template <class Domain>
void put_user_pages(std::vector<user_page_ref<Domain, dma_access::read>>&& refs,
                    detail::origin_of<Domain> where = {}) noexcept {
    put_user_pages(std::span(refs), where);
    refs.clear();
}

// Wrong spellings, each with the right one.

template <class Domain, dma_access Access, std::size_t Extent>
    requires(cpu_may_write(Access))
void put_user_pages(std::span<user_page_ref<Domain, Access>, Extent>) noexcept {
    static_assert(detail::never<Domain>, "a put of writable pages must say whether they were written: write "
                                         "put_user_pages(refs, gup::dirty) or gup::clean");
}
template <class Domain, dma_access Access>
    requires(cpu_may_write(Access))
void put_user_pages(std::vector<user_page_ref<Domain, Access>>&&) noexcept {
    static_assert(detail::never<Domain>, "a put of writable pages must say whether they were written: write "
                                         "put_user_pages(std::move(refs), gup::dirty) or gup::clean");
}
template <class Domain, std::size_t Extent>
void put_user_pages(std::span<user_page_ref<Domain, dma_access::read>, Extent>, put_as) noexcept {
    static_assert(detail::never<Domain>, "nothing is written through read references, so their put takes no "
                                         "decision: write put_user_pages(refs)");
}
template <class Domain>
void put_user_pages(std::vector<user_page_ref<Domain, dma_access::read>>&&, put_as) noexcept {
    static_assert(detail::never<Domain>, "nothing is written through read references, so their put takes no "
                                         "decision: write put_user_pages(std::move(refs))");
}
template <class Domain, dma_access Access, class... Decision>
void put_user_pages(std::vector<user_page_ref<Domain, Access>>&, Decision&&...) noexcept {
    static_assert(detail::never<Domain>, "put_user_pages takes the references over: write "
                                         "put_user_pages(std::move(refs), ...)");
}

/// A free page of the pool for the CPU only; empty if none is free anywhere. Pin it with get_user_page(ref).
template <class Domain, dma_access Access>
[[nodiscard("the page must be put")]] maybe<page_ref<Domain>>
try_get_page(page_pool<Domain, Access>& pool, detail::origin_of<Domain> where = {}) noexcept {
    auto& state = detail::pool_access::state(pool, where);
    page* const p = state.take();
    if (p == nullptr) return {};
    return detail::to_maybe(
        detail::pool_access::start<page_ref<Domain>>(state, *p, detail::reference_kind::plain, where));
}

/// As try_get_page; throws as get_user_page does.
template <class Domain, dma_access Access>
[[nodiscard("the page must be put")]] page_ref<Domain> get_page(page_pool<Domain, Access>& pool,
                                                                detail::origin_of<Domain> where = {}) {
    auto& state = detail::pool_access::state(pool, where);
    page* const p = state.take();
    if (p == nullptr) state.throw_exhausted("get_page", 1);
    return detail::pool_access::start<page_ref<Domain>>(state, *p, detail::reference_kind::plain, where);
}

/// An ordinary reference to the page that holds this address, anywhere inside it; empty if the address is not
/// the pool's, nobody holds the page, or a million and a half references do. Constant time; the first call on
/// a pool waits, by membarrier(2), for threads that are inside it, and has later puts of the only reference
/// use locked instructions; it finds nothing if the kernel has come to refuse that.
template <class Domain, dma_access Access>
[[nodiscard("the reference must be put")]] maybe<page_ref<Domain>>
find_get_page(page_pool<Domain, Access>& pool, const void* address,
              detail::origin_of<Domain> where = {}) noexcept {
    auto& state = detail::pool_access::state(pool, where);
    page* const p = state.find(address);
    if (p == nullptr || !state.allow_lookups() ||
        !detail::page_access::counts(*p).add_unless_free_or_crowded(detail::reference_kind::plain))
        return {};
    return detail::to_maybe(detail::reference_access::make<page_ref<Domain>>(
        state.counted(*p, detail::reference_kind::plain, where)));
}

} // namespace gup::inline GUP_NAMESPACE
