// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The free pages of a pool, chained through their descriptors. Pages that were never used are not chained
/// but counted, so that making a large pool touches no descriptor.

#include "gup/zone.hpp"

#include <cstddef>
#include <cstdint>

namespace gup::inline GUP_NAMESPACE::detail {

/// Where the page arrays of a pool are: zones at consecutive multiples of zone::array_bytes.
class page_arrays {
public:
    page_arrays() = default;
    page_arrays(zone& first, std::size_t pages) noexcept : first_(&first), pages_(pages) {}

    std::size_t pages() const noexcept { return pages_; }
    page& page_at(std::size_t number) const noexcept {
        return zone_access::page_at(zone_at(number / zone::max_pages), number % zone::max_pages);
    }
    std::size_t zones() const noexcept { return (pages_ + zone::max_pages - 1) / zone::max_pages; }
    zone& zone_at(std::size_t number) const noexcept {
        return *reinterpret_cast<zone*>(reinterpret_cast<std::uintptr_t>(first_) +
                                        number * zone::array_bytes);
    }

private:
    zone* first_ = nullptr;
    std::size_t pages_ = 0;
};

/// A run of pages chained through their descriptors.
struct page_chain {
    page* first = nullptr;
    page* last = nullptr;
    std::size_t count = 0;

    void push(page& p) noexcept {
        page_access::set_link(p, first);
        if (first == nullptr) last = &p;
        first = &p;
        ++count;
    }
};

/// Free pages, last in first out; not synchronised.
class free_list {
public:
    explicit free_list(page_arrays arrays) noexcept : arrays_(arrays) {}

    std::size_t size() const noexcept { return chained_ + (arrays_.pages() - used_once_); }

    void push(page& p) noexcept {
        page_access::set_link(p, first_);
        first_ = &p;
        ++chained_;
    }
    void push(const page_chain& chain) noexcept {
        if (chain.first == nullptr) return;
        page_access::set_link(*chain.last, first_);
        first_ = chain.first;
        chained_ += chain.count;
    }
    /// Null if empty.
    page* pop() noexcept {
        if (first_ != nullptr) {
            page* const p = first_;
            first_ = page_access::link(*p);
            --chained_;
            return p;
        }
        return used_once_ < arrays_.pages() ? &arrays_.page_at(used_once_++) : nullptr;
    }

private:
    page_arrays arrays_;
    page* first_ = nullptr;
    std::size_t chained_ = 0;
    std::size_t used_once_ = 0; // so many of the first pages have been handed out
};

} // namespace gup::inline GUP_NAMESPACE::detail
