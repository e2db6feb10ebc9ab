// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A userfaultfd(2), by which the kernel tells one mapping from another, or an absent page from one that is
/// there. Nothing here ever waits for a fault.

#include "gup/version.hpp"

#include <cstdint>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

namespace gup::inline GUP_NAMESPACE::detail {

/// A descriptor with these features (UFFD_FEATURE_...), for faults of the program alone, which needs no
/// right; -1 where that cannot be. The caller closes it.
template <class Kernel>
int open_userfault(std::uint64_t features) noexcept {
    constexpr unsigned user_mode_only = 1; // UFFD_USER_MODE_ONLY, since Linux 5.11
    const int fd = Kernel::userfaultfd(user_mode_only);
    if (fd < 0) return -1;
    uffdio_api request{};
    request.api = UFFD_API;
    request.features = features;
    if (Kernel::ioctl(fd, UFFDIO_API, &request) == 0) return fd;
    Kernel::close(fd);
    return -1;
}

} // namespace gup::inline GUP_NAMESPACE::detail
