// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `pci_device_info`: which device a vfio_device drives, or a page of a BAR belongs to.

#include "gup/version.hpp"

#include <cstdint>
#include <string>

namespace gup::inline GUP_NAMESPACE {

/// What a device is. The auxiliary data of the pages of its memory: auxiliary<const pci_device_info>(ref).
struct pci_device_info {
    std::string address;      ///< on the PCI bus, as in "0000:00:04.0"
    std::uint16_t vendor = 0; ///< PCI vendor identifier
    std::uint16_t device = 0; ///< PCI device identifier
};

} // namespace gup::inline GUP_NAMESPACE
