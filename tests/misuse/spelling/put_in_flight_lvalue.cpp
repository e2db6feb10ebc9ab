// SPDX-License-Identifier: BSL-1.0
// misuse: put in flight lvalue
// expect-error: a device may still reach this page: complete the operation first
#include "gup/in_flight.hpp"

void finish(gup::in_flight<gup::user_page_ref<struct domain>>& operation) { gup::put_user_page(operation); }
