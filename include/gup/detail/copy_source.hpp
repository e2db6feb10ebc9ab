// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Where an address space gets the pages from that it copies to.

#include "gup/page_ref.hpp"

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

namespace gup::detail {

/// A pool, whatever its type; get is null if the space must not copy.
template <class Domain>
struct copy_source {
    void* pool = nullptr;
    std::optional<page_ref<Domain>> (*get)(void*) noexcept = nullptr;

    /// A new page with this content; empty if there is none of that size.
    std::optional<page_ref<Domain>> copy(std::span<const std::byte> content) const noexcept {
        if (get == nullptr) return std::nullopt;
        auto fresh = get(pool);
        if (!fresh || fresh->size() != content.size()) return std::nullopt;
        std::memcpy(fresh->bytes().data(), content.data(), content.size());
        return fresh;
    }
};

} // namespace gup::detail
