// SPDX-License-Identifier: BSL-1.0
// misuse: discarded token of a function
// expect-warning: an operation in flight owns a page: keep the token until its completion
#include "gup/in_flight.hpp"

gup::in_flight<gup::user_page_ref<struct domain>> start();
void forget() { start(); }
