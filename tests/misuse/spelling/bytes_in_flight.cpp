// SPDX-License-Identifier: BSL-1.0
// misuse: m15 bytes in flight
// expect-error: a device may be writing to this page: complete the operation first
#include "gup/in_flight.hpp"

void peek(const gup::in_flight<gup::user_page_ref<struct domain>>& operation) { operation.bytes(); }
