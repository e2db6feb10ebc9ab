// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What stands in for a page where references lead to it: a proxy, a dynamic page, a tracked reference. It
/// has counts of its own; a reference to it is the address of the counts of its kind, with a tag, so that
/// taking and dropping it is the same code as for a page.
///
/// The page that it leads to must show each kind of pin that it has itself, and no other. The
/// counts of plain references, of reading and of writing pins are therefore apart: the last put of a kind is
/// the one that finds its count at zero, which every put looks for anyway, and goes to the zone's release
/// function.

#include "gup/page.hpp"
#include "gup/typed_pointer.hpp"
#include "gup/zone.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace gup::inline GUP_NAMESPACE::detail {

/// Counts of one kind of reference, at an address that leaves room for tags.
struct alignas(16) count_slot : counted {};

/// Lies in a chunk with a zone header (see stand_in_store.hpp).
struct alignas(128) stand_in {
    page own{};           ///< counts plain references to this; all references if it is the base itself
    count_slot reading{}; ///< reading pins; while there are any they hold one reading pin of `own` ...
    count_slot writing{}; ///< writing pins; likewise
    page* base =
        nullptr; ///< ... and one pin of their kind of the base, of which this holds a plain reference
    stand_in* next = nullptr; ///< of a list, while nothing refers to it

    stand_in() noexcept = default;

    /// The object that counts in one of the three are of.
    static stand_in& of(const void* slot) noexcept {
        return *reinterpret_cast<stand_in*>(reinterpret_cast<std::uintptr_t>(slot) & ~std::uintptr_t{127});
    }
    /// False if it is the base itself.
    bool forwards() const noexcept { return base != &own; }

    count_slot& slot_of(reference_kind pin) noexcept {
        return pin == reference_kind::reader ? reading : writing;
    }
    reference_counts& counts() noexcept { return page_access::counts(own); }
    const reference_counts& counts() const noexcept { return page_access::counts(own); }
    reference_counts& base_counts() const noexcept { return page_access::counts(*base); }
};

static_assert(sizeof(count_slot) == sizeof(page) && alignof(count_slot) == alignof(page));
static_assert(offsetof(stand_in, own) == 0 && offsetof(stand_in, reading) == 16 &&
                  offsetof(stand_in, writing) == 32,
              "a page, and what stands in front of one, begin with their counts");

/// Memory that the library did not allocate, and its pin.
struct pinned_range {
    std::byte* address = nullptr;
    std::size_t length = 0;
    std::uint64_t pfn = 0;              ///< the base's
    const void* registration = nullptr; ///< of the type that the domain makes; the base's only
    dma_access access = dma_access::read;
    typed_pointer auxiliary{}; ///< whatever the provider of the memory gave along
};

/// A dynamic page as the verbs see it.
struct dynamic_stand_in : stand_in {
    pinned_range memory{};
    void* record = nullptr; ///< the registry's
};

/// For a page whose bytes the CPU sees at an address of its own.
struct viewed_stand_in : stand_in {
    std::span<std::byte> view{};
};

/// The dynamic page that this page is, if it is one.
inline const dynamic_stand_in* to_dynamic(const page& p) noexcept {
    return page_access::dynamic(p) ? reinterpret_cast<const dynamic_stand_in*>(&p) : nullptr;
}

/// Adds a pin of a kind of which there may be none yet, for a caller that has a reading pin of `own` to give.
/// The base's comes first: it never looks unpinned while a pin is out.
template <class Counting>
void add_first_pin(stand_in& s, count_slot& slot, reference_kind pin) noexcept {
    s.base_counts().template add<Counting>(pin);
    if (slot.counts.template add_maybe_first<Counting>(pin)) return;
    static_cast<void>(
        s.base_counts().template drop<Counting>(pin)); // another thread was first: never the last
    static_cast<void>(s.counts().template drop<Counting>(reference_kind::reader)); // nor is this
}

/// Adds a pin to something of which a reference is held; returns what the pin counts in.
template <class Counting>
[[gnu::noinline, gnu::returns_nonnull]] counted* add_pin_to_stand_in(stand_in& s,
                                                                     reference_kind pin) noexcept {
    if (!s.forwards()) {
        s.counts().template add<Counting>(pin);
        return &page_access::counted_of(s.own);
    }
    count_slot& slot = s.slot_of(pin);
    if (slot.counts.add_unless_free(pin)) return &slot;
    s.counts().template add<Counting>(reference_kind::reader);
    add_first_pin<Counting>(s, slot, pin);
    return &slot;
}

/// The same for what may have no references any more, or a crowd, and is then left alone: null. Only of what
/// forwards.
template <class Counting>
counted* try_add_pin_to_stand_in(stand_in& s, reference_kind pin) noexcept {
    count_slot& slot = s.slot_of(pin);
    if (slot.counts.add_unless_free_or_crowded(pin)) return &slot;
    if (slot.counts.crowded() || !s.counts().add_unless_free_or_crowded(reference_kind::reader))
        return nullptr;
    add_first_pin<Counting>(s, slot, pin);
    return &slot;
}

/// What the last pin of a kind has left to do; returns true if it was the last of any kind. The caller has a
/// plain reference afterwards, which it must drop.
template <class Counting>
[[nodiscard]] bool drop_last_pin_of_kind(stand_in& s, const counted& slot) noexcept {
    const auto pin = &slot == &s.reading ? reference_kind::reader : reference_kind::writer;
    static_cast<void>(s.base_counts().template drop<Counting>(pin)); // never the last: a plain one is held
    return s.counts().template unpin<Counting>(reference_kind::reader);
}

} // namespace gup::inline GUP_NAMESPACE::detail
