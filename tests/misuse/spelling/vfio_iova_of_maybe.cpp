// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: its I/O address
// expect-error: there may be no page in it: look whether there is one.*iova
#include "../devices.hpp"

void start(const gup::maybe<device_page>& page) { gup::iova(page); }
