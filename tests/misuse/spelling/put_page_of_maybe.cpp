// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: an ordinary reference put
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void finish(pool& pages) { gup::put_page(gup::try_get_page(pages)); }
