// SPDX-License-Identifier: BSL-1.0
// misuse: the I/O address of an optional
// expect-error: Of a pointer, optional or maybe pass what it holds
#include "../devices.hpp"

void read(const std::optional<device_page>& page) { tell_device(gup::iova(page)); }
