// SPDX-License-Identifier: BSL-1.0
// misuse: the I/O address of a page's bytes
// expect-error: of a pointer into memory ask domain.find_iova\(pointer\)
#include "../devices.hpp"

void read(const device_page& page) { tell_device(gup::iova(page.bytes())); }
