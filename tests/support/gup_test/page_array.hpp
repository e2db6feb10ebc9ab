// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Page arrays without a pool: zeroed memory at the addresses that zones need, for tests of what lies below
/// pools.

#include "gup/detail/free_list.hpp"
#include "gup/detail/slab.hpp"

#include <memory>
#include <stdexcept>

namespace gup_test {

/// As many page arrays as `pages` need, with their zones.
class page_array {
public:
    explicit page_array(std::size_t pages, void* owner = nullptr,
                        gup::detail::zone_access::release_function release = nullptr)
        : pages_(pages) {
        const std::size_t zones = (pages + gup::zone::max_pages - 1) / gup::zone::max_pages;
        gup::pin_failure failure;
        memory_ = gup::detail::slab<>::try_map(zones * gup::zone::array_bytes, gup::memory_kind::small_pages,
                                               gup::zone::array_bytes, failure);
        if (memory_ == nullptr) throw std::runtime_error(failure.message());
        for (std::size_t i = 0; i < zones; ++i)
            gup::detail::zone_access::make(memory_->memory().data() + i * gup::zone::array_bytes, nullptr, 12,
                                           gup::dma_access::read_write, owner, release);
    }

    gup::detail::page_arrays arrays() const {
        return {*reinterpret_cast<gup::zone*>(memory_->memory().data()), pages_};
    }
    gup::page& operator[](std::size_t number) const { return arrays().page_at(number); }

private:
    std::size_t pages_;
    std::unique_ptr<gup::detail::slab<>> memory_;
};

} // namespace gup_test
