// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a registration with I/O addresses knows of them.

#include <cstdint>

namespace gup::detail {

/// How a device's address leads to memory: the first member of every registration of a vfio_domain.
struct iova_binding {
    std::uint64_t bias = 0; ///< I/O address minus CPU address, the same all over the range; wraps
};

} // namespace gup::detail
