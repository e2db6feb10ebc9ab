// SPDX-License-Identifier: BSL-1.0
// misuse: the I/O address of a page that is not pinned
// expect-error: a page_ref is no licence for DMA: pin the page
// I/O address
#include "../devices.hpp"

void start(const gup::page_ref<device_domain>& page) { tell_device(gup::iova(page)); }
