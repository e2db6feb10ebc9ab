// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The ring of uring_copy and the one pool whose pages all its operations use.

#include "../common/ring.hpp"
#include "options.hpp"

#include "gup/domain/io_uring.hpp"
#include "gup/memlock_budget.hpp"
#include "gup/page_pool.hpp"

#include <algorithm>
#include <cstdint>
#include <liburing.h>
#include <optional>
#include <utility>

namespace uring_copy {

/// An io_uring_domain that can be told to refuse every pin: then the pool falls back to the very same memory,
/// not registered, and its operations are plain ones. Nothing else of the program knows about --plain.
class copy_domain : public gup::io_uring_domain<> {
public:
    copy_domain(io_uring& ring, buffers use) : io_uring_domain(ring), use_(use) {}

    std::optional<registration> try_pin(std::span<const std::byte> range, gup::dma_access access,
                                        gup::pin_failure& failure) {
        if (use_ == buffers::registered) return io_uring_domain::try_pin(range, access, failure);
        failure = {.code = std::make_error_code(std::errc::operation_canceled),
                   .call = "registering",
                   .range = range,
                   .remedy = "--plain asks for unregistered memory"};
        return std::nullopt;
    }
    registration pin(std::span<const std::byte> range, gup::dma_access access) {
        gup::pin_failure failure;
        if (auto made = try_pin(range, access, failure)) return std::move(*made);
        throw gup::pin_error(std::move(failure));
    }

private:
    buffers use_;
};

using page_ref = gup::user_page_ref<copy_domain>;

/// As many pages as asked for; else 8, or fewer if they take more than half of what this user may still pin:
/// all his programs and the ring itself are charged to the same account. If not even 2 fit, 8 unregistered
/// ones.
inline std::size_t pages_for(const options& chosen) {
    constexpr std::size_t usual = 8;
    constexpr std::size_t least = 2;
    if (chosen.depth) return *chosen.depth;
    const auto room = gup::memlock_budget::read().available(gup::pin_budget::user_locked_vm);
    if (!room) return usual;
    const std::size_t fit = *room / 2 / chosen.block;
    return fit < least ? usual : std::min(usual, fit);
}

/// All that operations need.
struct copy_pool {
    explicit copy_pool(const options& chosen) : copy_pool(chosen, pages_for(chosen)) {}

    examples::ring_handle ring;
    gup::page_pool<copy_domain> pages;

private:
    copy_pool(const options& chosen, std::size_t count)
        : ring(count),
          pages(copy_domain(ring.get(), chosen.use), {.page_size = chosen.block,
                                                      .pages = count,
                                                      .memory = chosen.memory,
                                                      .fallback = gup::pin_fallback::unpinned}) {}
};

} // namespace uring_copy
