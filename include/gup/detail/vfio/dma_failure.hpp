// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Says why memory was not mapped for devices: each errno of VFIO_IOMMU_MAP_DMA stands for several causes.

#include "gup/error.hpp"
#include "gup/memlock_budget.hpp"

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

inline const char* map_remedy(int error) noexcept {
    switch (error) {
    case ENOMEM:
        return "the kernel is short of memory";
    case EFAULT:
        return "part of the memory cannot be pinned: it is not mapped, lies beyond the end of its file, is "
               "secret memory (memfd_secret), or is read-only while the device may write (pin it with "
               "dma_access::read)";
    case EEXIST:
        return "something else has mapped memory at these I/O addresses, which gup leaves alone from now on: "
               "try again, and leave the addresses of this container to gup";
    case ENOSPC:
        return "the container holds as many mappings as it may: map larger ranges, or raise "
               "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit before the container is opened";
    case EINVAL: // within what the IOMMU is said to translate
        return "something else than gup has attached devices to this container that cannot use these I/O "
               "addresses: "
               "leave the container to gup";
    default:
        return "the kernel refused for a reason that gup does not know";
    }
}

inline constexpr const char* unknown_width = "the IOMMU does not translate these I/O addresses, and this "
                                             "kernel, as those before Linux 5.4, does not say which "
                                             "it does: lower vfio_options::address_bits to its width";

/// After the kernel refused to map `failure.range`, and holds no charge for it any more. Throws
/// std::bad_alloc.
template <class Kernel>
void explain_map_failure(int error, pin_failure& failure) {
    refuse(failure, error, "ioctl(VFIO_IOMMU_MAP_DMA)");
    pin_failure budget = failure;
    budget.need = failure.range.size();
    if (memlock_budget::read<Kernel>().explain(pin_budget::locked_vm, budget))
        failure = std::move(budget);
    else
        failure.remedy = map_remedy(error);
}

} // namespace gup::inline GUP_NAMESPACE::detail
