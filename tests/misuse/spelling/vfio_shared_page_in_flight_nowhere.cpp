// SPDX-License-Identifier: BSL-1.0
// misuse: a page of several domains in flight, without saying in which
// expect-error: which domain.s device has the page\?
#include "../devices.hpp"

gup::in_flight<shared_page> wait();
auto finish() { return wait(); }
