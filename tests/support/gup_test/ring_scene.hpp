// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The usual stage of a test on the real kernel: a ring, its domain and a small pool.

#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/rings.hpp"
#include "gup_test/scratch_file.hpp"
#include "gup_test/skip.hpp"

#include <optional>
#include <utility>

namespace gup_test {

/// Pages of 8 KiB. `ok()` is false, and the test skipped, if this machine has no io_uring.
template <class Kernel = gup::system_kernel>
struct basic_ring_scene {
    using domain = gup::io_uring_domain<void, Kernel>;
    using pool_type = gup::page_pool<domain>;
    using ref = gup::user_page_ref<domain>;

    explicit basic_ring_scene(std::size_t pages = 8, unsigned ring_flags = 0) : r(ring_flags) {
        if (!have(r.ok(), r.why_not())) return;
        d.emplace(r.handle());
        p.emplace(*d, small(pages, page_bytes));
    }
    bool ok() const { return p.has_value(); }

    /// A page with this content in front.
    ref filled(std::span<const std::byte> content) {
        ref page = gup::get_user_page(*p);
        std::copy(content.begin(), content.end(), page.bytes().begin());
        return page;
    }

    static constexpr std::size_t page_bytes = 8192;
    ring r;
    std::optional<domain> d;
    std::optional<pool_type> p;
};

using ring_scene = basic_ring_scene<>;

} // namespace gup_test
