// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: named in an address space
// expect-error: there may be no page in it: look whether there is one.*insert
#include "../program.hpp"

void name(gup::address_space<domain>& names, pool& pages) { names.insert(0, gup::try_get_page(pages)); }
