// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Functions with linear references that two translation units of the tests share: one in which nothing is
/// proven, one in which everything is.

#include "gup/linear.hpp"
#include "gup_test/pools.hpp"

namespace gup_test {

using linear_ref = gup::linear<writer_ref>;

/// The linker keeps one of the two units' versions.
[[gnu::noinline]] inline std::size_t pinned_while_linear(pretended_pool& pool) {
    gup::linear page{gup::get_user_page(pool)};
    std::size_t pinned = 0;
    try {
        pinned = pool.stats().pinned;
    } catch (...) {
        gup::put_user_page(std::move(page), gup::clean);
        throw;
    }
    gup::put_user_page(std::move(page), gup::clean);
    return pinned;
}

/// Of the unit in which everything is proven.
writer_ref get_through_linear(pretended_pool& pool);
/// Of the unit in which nothing is.
void put_through_linear(writer_ref page, gup::put_as decision);

} // namespace gup_test
