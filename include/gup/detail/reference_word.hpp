// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The one word that a reference is: the address of what it counts in, with tags in the low bits.

#include "gup/detail/stand_in.hpp"
#include "gup/zone.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// A move-only word: the source of a move is left empty. The owner decides what dropping it means.
class reference_word {
public:
    static constexpr std::uintptr_t tag_mask = 15; // a page is aligned to 16 bytes
    static constexpr std::uintptr_t proxy_tag = 1;
    static constexpr std::uintptr_t dynamic_tag = 2;
    static constexpr std::uintptr_t tracked_tag = 4;
    /// Leads nowhere else: a hint that this is the first reference to its page and so perhaps the only one.
    static constexpr std::uintptr_t first_tag = 8;
    static constexpr std::uintptr_t stand_in_mask = proxy_tag | dynamic_tag | tracked_tag;

    constexpr reference_word() noexcept = default;
    explicit reference_word(std::uintptr_t value) noexcept : value_(value) {}
    explicit reference_word(const page& p) noexcept : value_(reinterpret_cast<std::uintptr_t>(&p)) {}
    reference_word(reference_word&& other) noexcept : value_(std::exchange(other.value_, 0)) {}
    reference_word& operator=(reference_word&&) = delete;
    ~reference_word() = default;

    explicit operator bool() const noexcept { return value_ != 0; }
    std::uintptr_t value() const noexcept { return value_; }
    std::uintptr_t release() noexcept { return std::exchange(value_, 0); }
    void set(std::uintptr_t value) noexcept { value_ = value; }

private:
    std::uintptr_t value_ = 0;
};

/// What the reference counts in; masking is cheaper than asking.
inline counted& counted_of(std::uintptr_t word) noexcept {
    return *reinterpret_cast<counted*>(word & ~reference_word::tag_mask);
}

/// True if the reference leads to a page of a pool without anything in front of it.
inline bool is_plain_word(std::uintptr_t word) noexcept {
    return (word & reference_word::stand_in_mask) == 0;
}

/// What stands in front of the page, or is it; only of words that are not plain.
inline stand_in& stand_in_of(std::uintptr_t word) noexcept { return stand_in::of(&counted_of(word)); }

// Of words that are not plain. Not inline: those that are must not pay for them.
[[gnu::noinline]] inline page& page_of_stand_in(std::uintptr_t word) noexcept {
    return *stand_in_of(word).base;
}
[[gnu::noinline]] inline std::span<std::byte> memory_of_page(const page& p) noexcept {
    if (const dynamic_stand_in* const d = to_dynamic(p); d != nullptr)
        return {d->memory.address, d->memory.length};
    const zone& z = zone::of(&p);
    return {z.address_of(&p), z.page_size()};
}
[[gnu::noinline]] inline std::span<std::byte> memory_of_stand_in(std::uintptr_t word) noexcept {
    if ((word & reference_word::tracked_tag) != 0)
        return static_cast<const viewed_stand_in&>(stand_in_of(word)).view;
    if ((word & reference_word::dynamic_tag) == 0) return memory_of_page(*stand_in_of(word).base);
    const pinned_range& seen =
        static_cast<const dynamic_stand_in&>(stand_in_of(word)).memory; // not always the base's
    return {seen.address, seen.length};
}
[[gnu::noinline]] inline const void* registration_of_stand_in(std::uintptr_t word) noexcept {
    const page& p = *stand_in_of(word).base;
    const dynamic_stand_in* const d = to_dynamic(p);
    return d != nullptr ? d->memory.registration : &zone_access::registration<char>(zone::of(&p));
}
[[gnu::noinline]] inline dma_access access_of_stand_in(std::uintptr_t word) noexcept {
    if ((word & reference_word::dynamic_tag) != 0)
        return static_cast<const dynamic_stand_in&>(stand_in_of(word)).memory.access;
    const page& p = *stand_in_of(word).base;
    const dynamic_stand_in* const d = to_dynamic(p);
    return d != nullptr ? d->memory.access : zone::of(&p).access();
}

[[gnu::noinline]] inline std::uint64_t pfn_of_stand_in(std::uintptr_t word) noexcept {
    if ((word & reference_word::dynamic_tag) != 0)
        return static_cast<const dynamic_stand_in&>(stand_in_of(word)).memory.pfn;
    return reinterpret_cast<std::uintptr_t>(memory_of_page(*stand_in_of(word).base).data()) >> pfn_shift;
}

/// The page that a reference leads to, where its dirty flag is.
inline page& page_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return page_of_stand_in(word);
    return page_access::from(counted_of(word));
}

/// True if the name by which the reference was found has been given a copy of the page, which others have
/// still.
inline bool left_to_others(std::uintptr_t word) noexcept {
    return (word & reference_word::proxy_tag) != 0 && page_access::names(page_of(word)) > 0 &&
           page_access::outdated(stand_in_of(word).own);
}

/// The memory that the CPU sees through a reference.
inline std::span<std::byte> memory_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return memory_of_stand_in(word);
    const zone& z = zone::of(reinterpret_cast<void*>(word));
    return {z.address_of(reinterpret_cast<void*>(word)), z.page_size()};
}

/// The memory that a device sees, where the pin is: the page's own.
inline std::span<std::byte> pinned_memory_of(std::uintptr_t word) noexcept {
    return is_plain_word(word) ? memory_of(word) : memory_of_page(page_of_stand_in(word));
}

/// The number of the page: of its own memory, through whatever it is reached.
inline std::uint64_t pfn_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return pfn_of_stand_in(word);
    const zone& z = zone::of(reinterpret_cast<void*>(word));
    return reinterpret_cast<std::uintptr_t>(z.address_of(reinterpret_cast<void*>(word))) >> pfn_shift;
}

/// The pin of the page.
template <class Registration>
const Registration& registration_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return *static_cast<const Registration*>(registration_of_stand_in(word));
    return zone_access::registration<Registration>(zone::of(reinterpret_cast<void*>(word)));
}

/// The widest access that the page can be pinned with.
inline dma_access access_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return access_of_stand_in(word);
    return zone::of(reinterpret_cast<void*>(word)).access();
}

} // namespace gup::inline GUP_NAMESPACE::detail
