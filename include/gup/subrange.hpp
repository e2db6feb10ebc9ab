// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `subrange`: a part of a page, for operations that do not move all of it.

#include "gup/version.hpp"

#include <cstddef>

namespace gup::inline GUP_NAMESPACE {

/// Bytes [offset, offset + length) of a page. The default is the whole page.
struct subrange {
    /// Up to the end of the page.
    static constexpr std::size_t rest = ~std::size_t{0};

    std::size_t offset = 0;
    std::size_t length = rest;
};

} // namespace gup::inline GUP_NAMESPACE
