// SPDX-License-Identifier: BSL-1.0
// misuse: copy in flight
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted constructor
#include "gup/in_flight.hpp"

void twice(const gup::in_flight<gup::user_page_ref<struct domain>>& operation) {
    gup::in_flight<gup::user_page_ref<struct domain>> copy = operation;
}
