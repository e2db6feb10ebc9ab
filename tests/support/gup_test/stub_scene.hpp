// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The usual stage of a test on pretended rings: a ring, its domain and a small pool. ring_scene.hpp has the
/// one on the real kernel.

#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gup_test {

using stub_domain = gup::io_uring_domain<void, pretend_rings>;
using stub_pool = gup::page_pool<stub_domain>;
using stub_ref = gup::user_page_ref<stub_domain>;

/// What `submit` would refuse to submit on a ring of the domain.
inline gup::detail::submission_fault fault_of_queue(stub_domain& made, stub_ring& ring) {
    gup::detail::ring_set& rings = gup::detail::ring_access::rings(made);
    auto* const covered = rings.ring_of(*ring.handle().sq.sqes);
    return gup::detail::look_at_queue(rings, *covered, ring.handle()).fault;
}

/// Pages of 8 KiB, and few operation records.
struct stub_scene {
    explicit stub_scene(unsigned operations = 4, std::size_t count = 4, unsigned ring_flags = 0)
        : ring(ring_flags),
          made(ring.handle(), {.operations = operations}),
          pages(made, small(count, 8192)) {}

    stub_ring ring;
    stub_domain made;
    stub_pool pages;
};

/// The same with more of everything, for reads that wait in the submission queue.
struct queue_scene : stub_scene {
    explicit queue_scene(unsigned ring_flags = 0) : stub_scene(16, 8, ring_flags) {}

    io_uring_sqe& prepare(unsigned flags = 0) {
        io_uring_sqe& entry = ring.entry();
        gup::prep_read_fixed(entry, 3, gup::get_user_page(pages), 0);
        entry.flags = static_cast<std::uint8_t>(flags);
        return entry;
    }
    /// Why what is prepared would not be submitted.
    gup::detail::submission_fault fault() { return fault_of_queue(made, ring); }
    bool refused() { return fault() != gup::detail::submission_fault::none; }
    /// A submission through gup has ended.
    void told() {
        gup::detail::ring_set& rings = gup::detail::ring_access::rings(made);
        gup::detail::note_told(rings, *rings.ring_of(*ring.handle().sq.sqes), ring.handle());
    }
};

/// A pool that the kernel refused to pin.
inline stub_pool unpinned_pool(const stub_domain& made, std::size_t count = 1) {
    gup::pool_options options = small(count);
    options.fallback = gup::pin_fallback::unpinned;
    pretend_rings::refuse = EFAULT;
    stub_pool pages(made, options);
    pretend_rings::refuse = 0;
    return pages;
}

/// Memory that no kernel is asked to pin for real.
inline std::span<const std::byte> range(std::size_t bytes, std::uintptr_t address = 0x7000'0000'0000) {
    return {reinterpret_cast<const std::byte*>(address), bytes};
}

} // namespace gup_test
