// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A zone: a contiguous run of memory with its page array. The header of a page array lies at a multiple of 8
/// MiB, so that masking the address of a page finds its zone without reading the page.

#include "gup/page.hpp"

#include <cstddef>
#include <cstdint>

namespace gup {

/// Header of a page array: where the zone's memory is and who owns it. Written once before its first page is
/// handed out; all members are safe to read from any thread.
class alignas(64) zone {
public:
    /// Distance of two page arrays; each starts at a multiple of it.
    static constexpr std::size_t array_bytes = std::size_t{8} << 20;
    /// A power of two, so that a page's zone and place follow from its number by shift and mask.
    static constexpr std::size_t max_pages = std::size_t{1} << 18;

    /// Called for a page whose last reference has gone.
    using release_function = void (*)(zone&, detail::counted&) noexcept;

    zone(std::byte* memory, unsigned page_shift, dma_access access, void* owner,
         release_function on_release) noexcept
        : bias_(reinterpret_cast<std::uintptr_t>(memory) - (sizeof(zone) << (page_shift - 4))),
          page_shift_(page_shift),
          access_(access),
          owner_(owner),
          release_(on_release) {}

    zone(const zone&) = delete;
    zone& operator=(const zone&) = delete;

    /// The zone that a descriptor in a page array belongs to.
    static zone& of(const void* descriptor) noexcept {
        return *reinterpret_cast<zone*>(reinterpret_cast<std::uintptr_t>(descriptor) & ~(array_bytes - 1));
    }

    /// First byte of the memory that a descriptor of this zone stands for.
    std::byte* address_of(const void* descriptor) const noexcept {
        // the descriptor's offset in the array, scaled from 16 bytes to the page size
        const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(descriptor) & (array_bytes - 1);
        return reinterpret_cast<std::byte*>(bias_ + (offset << (page_shift_ - 4)));
    }

    /// The page with this place in the zone.
    page& page_at(std::size_t place) noexcept {
        return *reinterpret_cast<page*>(reinterpret_cast<std::uintptr_t>(this) + sizeof(zone) +
                                        place * sizeof(page));
    }

    /// The inverse of page_at.
    std::size_t place_of(const page& p) const noexcept {
        return (reinterpret_cast<std::uintptr_t>(&p) - reinterpret_cast<std::uintptr_t>(this) -
                sizeof(zone)) /
               sizeof(page);
    }

    std::size_t page_size() const noexcept { return std::size_t{1} << page_shift_; }
    dma_access access() const noexcept { return access_; }
    void* owner() const noexcept { return owner_; }

    /// Gives what has no references any more back to the zone's owner.
    void release(detail::counted& c) noexcept { release_(*this, c); }

    /// True if this is where it goes.
    bool releases_to(release_function on_release) const noexcept { return release_ == on_release; }

    /// The pin that covers this zone, of the type that the zone's domain makes.
    template <class Registration>
    const Registration& registration() const noexcept {
        return *static_cast<const Registration*>(registration_);
    }
    void set_registration(const void* registration) noexcept { registration_ = registration; }

    /// The one thread that may count in this zone; null for shared counting.
    const void* thread() const noexcept { return thread_; }
    void set_thread(const void* thread) noexcept { thread_ = thread; }

private:
    // Address of the memory as if the header were pages too: saves a subtraction per look-up.
    std::uintptr_t bias_;
    unsigned page_shift_;
    dma_access access_;
    void* owner_;
    release_function release_;
    const void* registration_ = nullptr;
    const void* thread_ = nullptr;
};

static_assert(sizeof(zone) + zone::max_pages * sizeof(page) <= zone::array_bytes);

} // namespace gup
