// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `address_space`: names pages by index, as a file or a table space does. A page may have several names, in
/// one space or in many; who wants to write to it through one of them gets a copy of its own first.
///
/// A reference that is found by name leads through a proxy, whose mapping is the space and whose index is the
/// name's. How proxies are published, so that two ways of finding a page agree:
///
/// * The slow way (find_get_page, find_get_user_page) asks a source for a proxy of the name, without a lock,
///   and publishes it by compare-and-swap. Who is second gives his proxy back and takes the published one.
/// * The fast way (get_user_page_fast) takes a published proxy by incrementing a count that is not zero, and
///   then looks once more whether the name publishes that proxy still. It asks no source, takes no lock,
///   allocates nothing and makes no system call: it succeeds at once, or is empty and the caller goes the
///   slow way. Memory of proxies and names stays theirs until the space goes, so that it may come late.
///   (Empty after the second look it has a pin to put, which is a put like any other: it may be the last.)
/// * A name takes its proxy back before it gives up its page: who still finds the proxy and then sees that
///   the page has one name only, sees at the second look that it is no longer this one.
///
/// Sharing and writing: `share` adds the name first and then looks for writing pins; a pin to write is taken
/// first and then looks for a second name. Both read and change the same word of the page, so that at least
/// one of them sees the other: the name is refused, or the pin goes and the page is copied. Who copies a
/// page, or writes it back, freezes it, as if it had another name: else it could be taken for unshared,
/// written and shared again meanwhile, and what was written would be lost with it.

#include "gup/detail/space_state.hpp"
#include "gup/maybe.hpp"
#include "gup/page_pool.hpp"
#include "gup/proxy_source.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE {

namespace detail {
struct space_access;
}

/// Names of pages. A handle: destroying it removes all names; pages and proxies live on until their last put.
/// All functions may be called from any thread, except for moving and destroying the handle. One that was
/// moved from can only be assigned to or destroyed: all else terminates the program, with a message, in
/// get_user_page_fast if the caller was built without NDEBUG or the domain is a tracked one.
///
/// "Written" is what a device may do: a pin with access `to_device`, or a page_ref, through which the CPU
/// writes, is not seen by `share`. In a forked child a space finds nothing.
template <class Domain>
class address_space {
public:
    using domain_type = Domain;
    /// Names that one page can have, in all spaces together.
    static constexpr std::uint64_t most_names = detail::space_state<Domain>::most_names;

    /// A space whose shared pages can only be read.
    address_space() : state_(std::in_place, detail::copy_source<Domain>{}) {}
    /// A space that copies shared pages to pages of this pool before they are written; the pool outlives it
    /// and is not moved.
    template <dma_access Access>
    explicit address_space(page_pool<Domain, Access>& copies)
        : state_(std::in_place, detail::copy_source<Domain>{
                                    &copies, [](void* from) noexcept {
                                        return try_get_page(*static_cast<page_pool<Domain, Access>*>(from),
                                                            detail::by_library<Domain>());
                                    }}) {}
    address_space(address_space&&) noexcept = default;
    address_space& operator=(address_space&& other) noexcept {
        source_handle<state> taken(std::move(other.state_));
        close();
        state_ = std::move(taken);
        return *this;
    }
    GUP_NOT_COPIED(address_space, "an address space is not copied: pass it by reference, or hand it on with "
                                  "std::move(space)");
    ~address_space() { close(); }

    /// Names the page of a reference; it stays in use until the name is removed. Throws pin_error: EEXIST if
    /// the index names a page, EBUSY if the page has a name and is pinned for writing, EMLINK if it has
    /// `most_names`, or three times as many references. Not with an empty reference.
    template <page_reference Ref>
        requires std::same_as<typename Ref::domain_type, Domain>
    void insert(std::uint64_t index, const Ref& ref, detail::origin_of<Domain> where = {}) {
        living().insert(index, detail::held(ref, where));
    }
    void insert(detail::anything, detail::anything = {}, detail::anything = {}) GUP_REFUSED(
        "insert takes an index and a reference to a page of the space's domain, by name: write "
        "space.insert(index, ref). Of a pointer, optional or maybe pass what it holds, *ref, if it holds "
        "any");
    /// Gives the page of `index` a second name, in another space or in this one. Throws pin_error: ENOENT if
    /// `index` names no page, EEXIST if the other index does, EBUSY while the page is pinned for writing, if
    /// only for the moment in which get_user_page_fast finds out that it may not be; EMLINK as insert.
    void share(std::uint64_t index, address_space& other, std::uint64_t other_index) {
        living().share(index, other.living(), other_index);
    }
    /// Takes a name away; true if there was one. References that were found by it stay good.
    bool remove(std::uint64_t index) { return living().remove(index); }

    /// How many names there are.
    std::size_t size() const { return living().names(); }
    /// The indices of pages that are dirty, in order. A page with several names is listed under each of them.
    std::vector<std::uint64_t> dirty_pages() const {
        auto found = living().dirty_indices();
        if (found.empty()) return found; // qsort takes no null pointer
        // not std::sort: <algorithm> is a tenth of what it takes to compile this header
        std::qsort(found.data(), found.size(), sizeof found[0], [](const void* a, const void* b) {
            const auto left = *static_cast<const std::uint64_t*>(a);
            const auto right = *static_cast<const std::uint64_t*>(b);
            return static_cast<int>(left > right) - static_cast<int>(left < right);
        });
        return found;
    }
    /// What page_mapping says of references that were found here.
    typed_pointer mapping() const noexcept { return living().mapping(); }

private:
    friend struct detail::space_access;
    using state = detail::space_state<Domain>;

    state& living() const noexcept {
        if (!state_) [[unlikely]]
            detail::rule_broken("an address_space was used after it had been moved from");
        return *state_;
    }
    void close() noexcept {
        if (state_) state_->close();
    }

    source_handle<state> state_;
};

template <class Domain, dma_access Access>
address_space(page_pool<Domain, Access>&) -> address_space<Domain>;

namespace detail {

/// The verbs' way into a space.
struct space_access {
    template <class Domain>
    static space_state<Domain>& state(const address_space<Domain>& space) noexcept {
        return space.living();
    }
    template <class Domain>
    static space_state<Domain>& unchecked_state(const address_space<Domain>& space) noexcept {
        return *space.state_;
    }
};

} // namespace detail

/// An ordinary reference to the page of a name; empty if there is no such name. Throws pin_error (ENOMEM) and
/// std::bad_alloc if there is no memory for its proxy, pin_error (EMLINK) if a million and a half references
/// lead there.
template <class Domain>
[[nodiscard("the reference must be put")]] maybe<page_ref<Domain>> find_get_page(address_space<Domain>& space,
                                                                                 std::uint64_t index) {
    return detail::to_maybe(detail::space_access::state(space).find(index));
}
/// As above; if no proxy of the name is published yet, this source is asked for one. It must lead to the page
/// of the name and have its index, else EINVAL. The source stays until the space goes.
template <class Domain, proxy_source Source>
    requires std::same_as<typename Source::domain_type, Domain>
[[nodiscard("the reference must be put")]] maybe<page_ref<Domain>>
find_get_page(address_space<Domain>& space, std::uint64_t index, Source& source) {
    return detail::to_maybe(detail::space_access::state(space).find(
        index, [&](std::uint64_t i, const page_ref<Domain>&) { return source.make(i); }));
}

/// A pin of the page of a name; empty if there is no such name. With access to write, a page that has other
/// names is copied first, and the name is the copy's from then on. Throws pin_error: ENOBUFS if there is no
/// page to copy to, EACCES if the page's memory was pinned with a narrower access, EBUSY if a page with
/// several names stays pinned for writing by others, EPERM in a forked child; as find_get_page.
template <dma_access Access = dma_access::read_write, class Domain>
[[nodiscard("the pin must be put")]] maybe<user_page_ref<Domain, Access>>
find_get_user_page(address_space<Domain>& space, std::uint64_t index) {
    auto& state = detail::space_access::state(space);
    return detail::to_maybe(
        state.template find_pinned<Access>(index, [&](std::uint64_t i) { return state.find(i); }));
}

/// A pin of the page of a name if it can be had at once: if a proxy of it is published and, with access to
/// write, the page has no other name. Empty if not, as for the first time after `insert`, and sometimes
/// beside concurrent changes: then go the slow way, which publishes it. Never blocks, never allocates, makes
/// no system call.
template <dma_access Access = dma_access::read_write, class Domain>
[[nodiscard("the pin must be put")]] maybe<user_page_ref<Domain, Access>>
get_user_page_fast(address_space<Domain>& space, std::uint64_t index,
                   detail::origin_of<Domain> where = {}) noexcept {
    auto& state = detail::looks<Domain>(where) ? detail::space_access::state(space)
                                               : detail::space_access::unchecked_state(space);
    return detail::to_maybe(state.template try_find_pinned<Access>(index));
}

} // namespace gup::inline GUP_NAMESPACE
