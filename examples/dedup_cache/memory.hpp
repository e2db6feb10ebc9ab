// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The ring and the pool of dedup_cache, sized by what there is to read and by what may be pinned.

#include "../common/ring.hpp"
#include "options.hpp"
#include "reader.hpp"

#include "gup/memlock_budget.hpp"

#include <algorithm>
#include <cstdint>

namespace dedup_cache {

/// As many pages as asked for; else one for each block, but not more than half of what this user may still
/// pin: all his programs and the ring itself are charged to the same account.
inline std::size_t pages_for(const options& chosen, std::uint64_t blocks) {
    constexpr std::uint64_t most = 16384;
    constexpr std::uint64_t least = 2 * reader::depth; // reads in flight, and blocks to compare with
    if (chosen.pages) return *chosen.pages;
    const auto room = gup::memlock_budget::read().available(gup::pin_budget::user_locked_vm);
    const std::uint64_t fit = room ? *room / 2 / chosen.block : most;
    return static_cast<std::size_t>(std::clamp(std::min(fit, blocks), least, most));
}

struct memory {
    memory(const options& chosen, std::uint64_t blocks)
        : ring(reader::depth),
          in(ring.get()),
          pages(in, {.page_size = chosen.block,
                     .pages = pages_for(chosen, blocks),
                     .fallback = gup::pin_fallback::unpinned}) {}

    examples::ring_handle ring;
    domain in;
    page_pool pages;
};

} // namespace dedup_cache
