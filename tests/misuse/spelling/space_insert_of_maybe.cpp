// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: named in an address space
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void name(gup::address_space<domain>& names, pool& pages) { names.insert(0, gup::try_get_page(pages)); }
