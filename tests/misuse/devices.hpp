// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the programs about devices have in common beside program.hpp.

#include "program.hpp"

#include "gup/vfio.hpp"

using device_domain = gup::vfio_domain<>;
using device_page = gup::user_page_ref<device_domain>;
using both_domains = gup::domains<gup::io_uring_domain<>, gup::vfio_domain<>>;
using shared_page = gup::user_page_ref<both_domains>;

void tell_device(std::uint64_t address) noexcept;
