// SPDX-License-Identifier: BSL-1.0
// misuse: a DMA completed without its number
// expect-error: or complete\(token, number\)
#include "../devices.hpp"

void finish(gup::in_flight<device_page> lent) { auto page = gup::complete(lent); }
