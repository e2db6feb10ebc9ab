// SPDX-License-Identifier: BSL-1.0
// misuse: copy in flight
// expect-gcc-error: a token is not copied, as its operation has one page and one completion
// expect-clang14-error: (call to deleted constructor|selected deleted operator)
// expect-clang19-error: a token is not copied, as its operation has one page and one completion
#include "gup/in_flight.hpp"

void twice(const gup::in_flight<gup::user_page_ref<struct domain>>& operation) {
    gup::in_flight<gup::user_page_ref<struct domain>> copy = operation;
}
