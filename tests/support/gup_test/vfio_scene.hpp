// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The usual stage of a test on pretended devices: what is released in vain, a container and its domain.

#include "gup/domain/vfio.hpp"
#include "gup/domain/vfio_device.hpp"
#include "gup/page_pool.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_vfio.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gup_test {

using vfio_kernel = pretend_vfio;
using vfio_container = gup::basic_vfio_container<vfio_kernel>;
using vfio_group = gup::basic_vfio_group<vfio_kernel>;
using vfio_device = gup::basic_vfio_device<vfio_kernel>;
using vfio_bar = gup::basic_vfio_bar<vfio_kernel>;
using vfio_domain = gup::vfio_domain<void, vfio_kernel>;
using vfio_pool = gup::page_pool<vfio_domain>;

/// What is reported through on_release_failure while this object lives.
class heard_failures {
public:
    heard_failures() { all.clear(); }
    heard_failures(const heard_failures&) = delete;
    heard_failures& operator=(const heard_failures&) = delete;
    ~heard_failures() { gup::on_release_failure(before_); }

    static inline std::vector<gup::release_failure> all;

private:
    static void hear(const gup::release_failure& failure) noexcept { all.push_back(failure); }

    gup::release_failure_hook before_ = gup::on_release_failure(&hear);
};

/// The kernel of a test begins as if no other had used it.
struct fresh_machine {
    fresh_machine() { vfio_kernel::reset(); }
};

/// A container with group 1, and its domain.
struct vfio_scene : fresh_machine {
    explicit vfio_scene(gup::vfio_options options = {}) : group(container, 1), domain(container, options) {}

    vfio_container container;
    vfio_group group;
    vfio_domain domain;
};

/// With a pool of four pages.
struct vfio_pool_scene : vfio_scene {
    vfio_pool pool{domain, small(4)};
};

/// Memory that no kernel is asked to pin for real.
inline std::span<const std::byte> made_up_memory(std::size_t bytes,
                                                 std::uintptr_t address = 0x7000'0000'0000) {
    return {reinterpret_cast<const std::byte*>(address), bytes};
}

/// Why a range was not mapped.
inline gup::pin_failure refusal(vfio_domain& domain, std::span<const std::byte> range,
                                gup::dma_access access = gup::dma_access::read_write) {
    gup::pin_failure failure;
    CHECK_FALSE(domain.try_pin(range, access, failure).has_value());
    return failure;
}

/// True if a failure has this errno and its message this part.
inline bool says(const gup::pin_failure& failure, int error, const std::string& part) {
    UNSCOPED_INFO(failure.message() << " (errno " << failure.code.value() << ")");
    return failure.code.value() == error && contains(failure.message(), part);
}

} // namespace gup_test
