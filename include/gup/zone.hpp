// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A zone: a contiguous run of memory with its page array. The header of a page array lies at a multiple of 8
/// MiB, so that masking the address of a page finds its zone without reading the page.

#include "gup/page.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

namespace gup::inline GUP_NAMESPACE {

namespace detail {
struct zone_access;
}

/// Header of a page array: where the zone's memory is and who owns it. Written once before its first page is
/// handed out; all members are safe to read from any thread.
class alignas(64) zone {
public:
    /// Distance of two page arrays; each starts at a multiple of it.
    static constexpr std::size_t array_bytes = std::size_t{8} << 20;
    /// A power of two, so that a page's zone and place follow from its number by shift and mask.
    static constexpr std::size_t max_pages = std::size_t{1} << 18;

    zone(const zone&) = delete;
    zone& operator=(const zone&) = delete;

    /// The zone that a descriptor in a page array belongs to.
    static const zone& of(const void* descriptor) noexcept {
        return *reinterpret_cast<const zone*>(reinterpret_cast<std::uintptr_t>(descriptor) &
                                              ~(array_bytes - 1));
    }

    /// First byte of the memory that a descriptor of this zone stands for; tags in the address are passed
    /// over.
    std::byte* address_of(const void* descriptor) const noexcept {
        // the descriptor's offset in the array, without tags, scaled from 16 bytes to the page size
        const std::uintptr_t offset =
            reinterpret_cast<std::uintptr_t>(descriptor) & (array_bytes - sizeof(page));
        return reinterpret_cast<std::byte*>(bias_ + (offset << (page_shift_ - 4)));
    }
    /// The number of a page in the zone.
    std::size_t place_of(const page& p) const noexcept {
        return (reinterpret_cast<std::uintptr_t>(&p) - reinterpret_cast<std::uintptr_t>(this) -
                sizeof(zone)) /
               sizeof(page);
    }
    std::size_t page_size() const noexcept { return std::size_t{1} << page_shift_; }
    dma_access access() const noexcept { return access_; }

private:
    friend struct detail::zone_access;
    using release_function = void (*)(zone&, detail::counted&) noexcept;
    using drop_first_function = void (*)(std::uintptr_t word, detail::reference_kind, bool dirty) noexcept;

    zone(std::byte* memory, unsigned page_shift, dma_access access, void* owner,
         release_function on_release) noexcept
        : bias_(reinterpret_cast<std::uintptr_t>(memory) - (sizeof(zone) << (page_shift - 4))),
          page_shift_(page_shift),
          access_(access),
          owner_(owner),
          release_(on_release) {}

    // Address of the memory as if the header were pages too: saves a subtraction per look-up.
    std::uintptr_t bias_;
    unsigned page_shift_;
    dma_access access_;
    void* owner_;
    release_function release_;
    drop_first_function drop_first_ = nullptr;
    const void* registration_ = nullptr;
    const void* thread_ = nullptr;
};

static_assert(sizeof(zone) + zone::max_pages * sizeof(page) <= zone::array_bytes);

namespace detail {

/// The library's own way into a zone.
struct zone_access {
    /// Called for what has no references any more.
    using release_function = zone::release_function;

    /// Makes a header at `at`; `memory` is that of the first page.
    static zone& make(void* at, std::byte* memory, unsigned page_shift, dma_access access, void* owner,
                      release_function on_release) noexcept {
        return *::new (at) zone(memory, page_shift, access, owner, on_release);
    }
    static zone& of(const void* descriptor) noexcept { return const_cast<zone&>(zone::of(descriptor)); }
    /// The page with this place in the zone; the inverse of place_of.
    static page& page_at(zone& z, std::size_t place) noexcept {
        return *reinterpret_cast<page*>(reinterpret_cast<std::uintptr_t>(&z) + sizeof(zone) +
                                        place * sizeof(page));
    }

    static void* owner(const zone& z) noexcept { return z.owner_; }
    /// Gives what has no references any more back to the zone's owner.
    static void release(counted& c) noexcept {
        zone& z = of(&c);
        z.release_(z, c);
    }
    /// True if this is where it goes.
    static bool releases_to(const zone& z, release_function on_release) noexcept {
        return z.release_ == on_release;
    }

    /// Called to drop a reference whose word has the tag of a first one, which the zone's owner gave it;
    /// `dirty` if the page is to be marked before.
    using drop_first_function = zone::drop_first_function;
    static void set_drop_first(zone& z, drop_first_function drop) noexcept { z.drop_first_ = drop; }
    static void drop_first(std::uintptr_t word, reference_kind kind, bool dirty) noexcept {
        zone::of(reinterpret_cast<const void*>(word)).drop_first_(word, kind, dirty);
    }

    /// The pin that covers the zone, of the type that the zone's domain makes.
    template <class Registration>
    static const Registration& registration(const zone& z) noexcept {
        return *static_cast<const Registration*>(z.registration_);
    }
    static void set_registration(zone& z, const void* registration) noexcept {
        z.registration_ = registration;
    }

    /// The one thread that may count in the zone; null for shared counting.
    static const void* thread(const zone& z) noexcept { return z.thread_; }
    static void set_thread(zone& z, const void* thread) noexcept { z.thread_ = thread; }
};

} // namespace detail
} // namespace gup::inline GUP_NAMESPACE
