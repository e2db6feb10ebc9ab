// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `io_uring_domain`: memory registered as fixed buffers of one or several rings, and the operations on its
/// pages. For programs that give pages to io_uring. Needs liburing 2.3 or newer.

#include "gup/detail/io_uring/buffer_table.hpp"
#include "gup/domain/io_uring_end.hpp"
#include "gup/domain/io_uring_operations.hpp"
#include "gup/pin_place.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// How a domain uses the buffer tables of its rings.
struct io_uring_options {
    unsigned slots = 64; ///< table entries; a pool takes one for each GiB begun
    /// Set if the program has registered a buffer table of its own on every ring: the first of `slots` empty
    /// entries that it lends to the domain. Otherwise the domain makes the table and removes it at the end.
    std::optional<unsigned> first_slot{};
    /// Operation records of each ring, one for each page in flight; 0 for as many as its completion queue has
    /// entries.
    unsigned operations = 0;
};

template <class Tag = void, class Kernel = system_kernel>
class [[gnu::visibility("default")]] io_uring_domain;

/// Fixed buffers of rings that the caller owns. A counted handle: copies share the table. `Tag` makes two
/// domains of a program different types, so that their pages cannot be mixed up.
///
/// Holding memory registered does not keep a ring open. The program closes rings, domains and pools in any
/// order; closing a ring (its descriptor) cancels what is pending on it, and the kernel lets go of what it
/// had pinned for it. The memory of pools stays, pins then go to the rings that are open still, and to none
/// fail with EBADF. Of an operation that was in flight no completion can come: a token that is dropped says
/// so, and records are looked at when the program's last handle goes, domains and open pools counted. On a
/// closed ring a pool's page that was a fixed buffer is put then; of any other operation in flight the page
/// is kept for good, and on_release_failure hears of it. (A ring that does not show IORING_FEAT_CQE_SKIP,
/// before Linux 5.17, cannot be told from others and is kept open until the domain and its last pool have
/// gone.) `end_ring` before closing leaves nothing behind.
///
/// A buffer table that the kernel refuses, or that another has made, is no reason not to make the domain: its
/// pools are refused, or go on without a pin (pin_fallback::unpinned).
///
/// The io_uring objects must stay where they are while operations are prepared, taken back or submitted
/// through the domain, and must not be resized. Pinning and releasing are thread-safe; on
/// IORING_SETUP_SINGLE_ISSUER rings pools are made on the submitting thread, and a release on another thread
/// waits for the domain's next call on that thread. In a forked child pins and operations are refused
/// (EPERM): the rings are the parent's.
template <class Tag, class Kernel>
class io_uring_domain : public place_domain<detail::buffer_table<Kernel>, Tag> {
    using base = place_domain<detail::buffer_table<Kernel>, Tag>;

public:
    using typename base::registration;

    /// Over one ring. Throws pin_error and leaves the ring as it was: EINVAL and ENXIO for options that do
    /// not fit it, EBADF if it is not open, EEXIST on another thread than its only submitter.
    explicit io_uring_domain(io_uring& ring, io_uring_options options = {})
        : io_uring_domain(std::array{&ring}, options) {}
    /// Over several rings; a page can be used on each of them. With options, for two rings; for more use the
    /// form that takes a span.
    template <class... More>
        requires(sizeof...(More) > 0 && (std::same_as<More, io_uring> && ...))
    explicit io_uring_domain(io_uring& first, io_uring& second, More&... more)
        : io_uring_domain(std::array{&first, &second, &more...}, {}) {}
    io_uring_domain(io_uring& first, io_uring& second, io_uring_options options = {})
        : io_uring_domain(std::array{&first, &second}, options) {}
    io_uring_domain(std::span<io_uring* const> rings, io_uring_options options) : base(nullptr) {
        pin_failure failure;
        if (!init(rings, options, failure)) detail::throw_failure(std::move(failure));
    }

    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("this makes a domain")]] static std::optional<io_uring_domain>
    try_make(std::span<io_uring* const> rings, io_uring_options options, pin_failure& failure) {
        io_uring_domain made(nullptr);
        if (!made.init(rings, options, failure)) return std::nullopt;
        return made;
    }

    /// A registration that pins nothing: operations on its pages are plain, unregistered I/O.
    registration unpinned() noexcept { return this->unpinned_with(detail::ring_mark(rings())); }

private:
    friend struct detail::ring_access;
    using base::emplace, base::the_place, base::unpinned_with; // from here on nobody's
    explicit io_uring_domain(std::nullptr_t) noexcept : base(nullptr) {}

    detail::ring_set& rings() const noexcept { return this->the_place().rings(); }
    static const char* fault_of(std::span<io_uring* const> rings, const io_uring_options& options) noexcept;
    bool init(std::span<io_uring* const> rings, const io_uring_options& options, pin_failure& failure);
};

io_uring_domain(io_uring&)->io_uring_domain<>;

template <class Tag, class Kernel>
const char* io_uring_domain<Tag, Kernel>::fault_of(std::span<io_uring* const> rings,
                                                   const io_uring_options& options) noexcept {
    constexpr unsigned largest_table = 1U << 14; // the kernel's
    constexpr unsigned registered_descriptor_only =
        1U << 15; // IORING_SETUP_REGISTERED_FD_ONLY, newer than liburing 2.3
    if (rings.empty() || rings.size() > detail::ring_set::most_rings) return "a domain covers 1 to 16 rings";
    if (options.slots == 0 || options.slots > largest_table ||
        options.first_slot.value_or(0) > largest_table ||
        options.first_slot.value_or(0) + options.slots > largest_table)
        return "a buffer table has 1 to 16384 slots";
    if (options.operations > detail::ring_set::most_operations)
        return "a ring has at most 1048576 operation records";
    for (auto ring = rings.begin(); ring != rings.end(); ++ring) {
        if (*ring == nullptr) return "one of the rings is a null pointer";
        if (std::find(rings.begin(), ring, *ring) != ring) return "a ring is named twice";
        if (((*ring)->flags & registered_descriptor_only) != 0)
            return "a ring without a descriptor of its own (IORING_SETUP_REGISTERED_FD_ONLY) cannot be told "
                   "from others: make it without that flag";
    }
    return nullptr;
}

template <class Tag, class Kernel>
bool io_uring_domain<Tag, Kernel>::init(std::span<io_uring* const> rings, const io_uring_options& options,
                                        pin_failure& failure) {
    failure = {};
    if (const char* fault = fault_of(rings, options); fault != nullptr)
        return detail::refuse(failure, EINVAL, "io_uring_domain", fault);
    detail::buffer_table<Kernel>& table = this->emplace(
        detail::slot_range{options.first_slot.value_or(0), options.slots, options.first_slot.has_value()});
    for (const io_uring* ring : rings)
        if (!table.try_add(*ring, options.operations != 0 ? options.operations : ring->cq.ring_entries,
                           failure))
            return false; // the table's end takes those of the rings before away again
    return true;
}

static_assert(pin_domain<io_uring_domain<>>);

} // namespace gup::inline GUP_NAMESPACE
