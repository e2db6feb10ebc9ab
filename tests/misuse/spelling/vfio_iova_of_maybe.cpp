// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: its I/O address
// expect-error: optional or maybe pass what it holds
#include "../devices.hpp"

void start(const gup::maybe<device_page>& page) { gup::iova(page); }
