// SPDX-License-Identifier: BSL-1.0
// misuse: a register of 8 bytes read by system call, which may take two accesses
// expect-error: a system call reads or writes a register of 8 bytes in two halves, on most kernels: use the
// mapping, map_bar(...).read or write, or say which half
#include "../devices.hpp"

auto capabilities(const gup::vfio_device& device) { return device.read_bar<std::uint64_t>(0, 0); }
