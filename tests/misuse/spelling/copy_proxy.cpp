// SPDX-License-Identifier: BSL-1.0
// misuse: copied proxy
// expect-error: deleted
#include "gup/page_proxy.hpp"

void keep(const gup::page_proxy& proxy) { gup::page_proxy mine = proxy; }
