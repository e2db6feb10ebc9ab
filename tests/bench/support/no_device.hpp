// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A container of VFIO without devices: its kernel says yes to everything and does nothing, so that what is
/// measured is gup's part alone, on machines without an IOMMU too.

#include "gup/domain/vfio.hpp"
#include "gup/domain/vfio_container.hpp"
#include "gup/kernel.hpp"

#include <cstddef>
#include <linux/vfio.h>
#include <string>

namespace gup_bench {

struct no_device_kernel : gup::system_kernel {
    static int open(const char*) noexcept { return 1'000'000; }
    static int close(int) noexcept { return 0; }
    static int madvise(void*, std::size_t, int) noexcept { return 0; }
    static int ioctl(int, unsigned long request, void* argument) noexcept {
        switch (request) {
        case VFIO_CHECK_EXTENSION:
            return 1;
        case VFIO_GROUP_GET_STATUS:
            static_cast<vfio_group_status*>(argument)->flags =
                VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET;
            return 0;
        default: // also VFIO_GET_API_VERSION; without capabilities as many mappings as there is memory for
            return 0;
        }
    }
};
static_assert(VFIO_API_VERSION == 0);

using no_device_domain = gup::vfio_domain<void, no_device_kernel>;

/// A domain of a container of its own.
inline no_device_domain make_no_device_domain() {
    const gup::basic_vfio_container<no_device_kernel> container;
    const gup::basic_vfio_group<no_device_kernel> group(container, 1);
    return no_device_domain(container);
}

} // namespace gup_bench
