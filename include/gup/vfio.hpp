// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// All of gup for user-space drivers on VFIO. Needs the kernel's headers only.

#include "gup/device_operations.hpp"
#include "gup/domain/vfio.hpp"
#include "gup/domain/vfio_bar.hpp"
#include "gup/domain/vfio_container.hpp"
#include "gup/domain/vfio_device.hpp"
#include "gup/iova.hpp"
#include "gup/pci_device_info.hpp"
